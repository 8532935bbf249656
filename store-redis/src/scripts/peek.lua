-- Reads a session without its attributes, which is no access.
-- KEYS: session, generation.  ARGV: now.
local other, record = look(KEYS[1], KEYS[2], num(ARGV[1]))
if other then
  return other
end
local fields = { 'k', record.k, 'm', record.m }
local p = redis.call('HGET', KEYS[1], 'p')
if p then
  fields[5] = 'p'
  fields[6] = p
end
return { 'L', fields }
