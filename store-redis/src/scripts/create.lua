-- Stores a session under a key that is free.
-- KEYS: session, generation, index.  ARGV: now, key, not after (or nothing), fields.
if redis.call('EXISTS', KEYS[1]) == 1 then
  return { 'X' }
end
if ARGV[3] ~= '' and server_time() > tonumber(ARGV[3]) then
  return { 'T' }
end
local fields = {}
for at = 4, #ARGV do
  fields[at - 3] = ARGV[at]
end
local record = read(fields[2], fields[4])
fields[4] = struct.pack('>I8', generation(KEYS[2])) .. string.sub(fields[4], 9)
set_fields(KEYS[1], fields)
expire(KEYS[1], record.deadline, num(ARGV[1]))
note(KEYS[3], ARGV[2], record.deadline)
return { 'O' }
