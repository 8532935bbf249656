-- Ends every session of a group: raises its generation and sets its index aside.
-- KEYS: generation, index, set aside, outdated.  ARGV: the generation that was seen, the new one.
local current = generation(KEYS[1])
if int(current) ~= ARGV[1] then
  return { 'C', int(current) }
end
if redis.call('EXISTS', KEYS[2]) == 1 then
  redis.call('RENAME', KEYS[2], KEYS[3])
  redis.call('RPUSH', KEYS[4], ARGV[1])
end
redis.call('SET', KEYS[1], ARGV[2])
return { 'O' }
