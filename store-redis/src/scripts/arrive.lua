-- Puts a session that departed from another group under the key that was taken for it. Whoever
-- comes second changes nothing.
-- KEYS: new session, generation, index, ended.  ARGV: now, key, old key, fields.
if redis.call('HGET', KEYS[1], 't') ~= '\001' .. ARGV[3] then
  return { 'M' }
end
local fields, k, m = {}, nil, nil
for at = 4, #ARGV, 2 do
  fields[#fields + 1] = ARGV[at]
  fields[#fields + 1] = ARGV[at + 1]
  if ARGV[at] == 'k' then
    k = ARGV[at + 1]
  elseif ARGV[at] == 'm' then
    m = ARGV[at + 1]
  end
end
local record = read(k, m)
redis.call('DEL', KEYS[1])
if record.generation < generation(KEYS[2]) then
  report(KEYS[4], 'g', fields)
else
  set_fields(KEYS[1], fields)
  -- Whoever brings it for a delete has no clock; the last access is then the latest time known.
  expire(KEYS[1], record.deadline, math.max(num(ARGV[1]), record.accessed))
  note(KEYS[3], ARGV[2], record.deadline)
end
return { 'O' }
