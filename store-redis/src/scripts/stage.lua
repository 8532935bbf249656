-- Takes a free key for a session of another group that may come.
-- KEYS: new session.  ARGV: old key.
if redis.call('EXISTS', KEYS[1]) == 1 then
  return { 'X' }
end
redis.call('HSET', KEYS[1], 't', '\001' .. ARGV[1])
redis.call('PEXPIRE', KEYS[1], HOUR)
return { 'O', int(server_time()) }
