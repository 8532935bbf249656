-- When each of the sessions was created that are live among those given.
-- KEYS: generation, sessions.  ARGV: now.
local now, created = num(ARGV[1]), {}
for at = 2, #KEYS do
  local other, record = look(KEYS[at], KEYS[1], now)
  if not other then
    created[#created + 1] = string.sub(record.k, 50, 57)
  end
end
return { 'O', created }
