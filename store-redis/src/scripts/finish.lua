-- Ends a live session of a principal.
-- KEYS: session, generation, index, ended.
-- ARGV: now, key, principal, handle, to be reported by a sweep: 0, 1.
local other, record = look(KEYS[1], KEYS[2], num(ARGV[1]))
if other then
  return other
end
local p = redis.call('HGET', KEYS[1], 'p')
local is_theirs = p and string.sub(p, 9, 40) == ARGV[3]
if not is_theirs or string.sub(record.k, 34, 49) ~= ARGV[4] then
  return { 'A' }
end
local fields = redis.call('HGETALL', KEYS[1])
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[3], ARGV[2])
if ARGV[5] == '1' then
  report(KEYS[4], 'r', fields)
end
return { 'O', fields }
