-- Removes what is under a key, readable or not, but nothing of a newer version.
-- KEYS: session, generation, index.  ARGV: key.
local kind = redis.call('TYPE', KEYS[1]).ok
local other = { 'D' }
if kind == 'none' or kind == 'hash' then
  other = look(KEYS[1], KEYS[2], 0)
end
if other and other[1] == 'F' and other[4] == '1' then
  return { 'A' }
end
if other and other[1] ~= 'D' then
  return other
end
local fields = not other and redis.call('HGETALL', KEYS[1])
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[3], ARGV[1])
return { 'O', fields }
