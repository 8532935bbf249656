-- Gives a key back that was taken for a session which does not come.
-- KEYS: new session.  ARGV: old key.
if redis.call('HGET', KEYS[1], 't') == '\001' .. ARGV[1] then
  redis.call('DEL', KEYS[1])
end
return { 'O' }
