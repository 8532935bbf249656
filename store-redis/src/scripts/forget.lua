-- Leaves of a session that has arrived under another key nothing but the forwarding entry.
-- KEYS: old session.  ARGV: new key.
local f = redis.call('HGET', KEYS[1], 'f')
if f and string.sub(f, 2, 33) == ARGV[1] then
  local left = redis.call('PTTL', KEYS[1])
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'f', f)
  redis.call('PEXPIRE', KEYS[1], left)
end
return { 'O' }
