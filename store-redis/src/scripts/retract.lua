-- Takes an entry back that was made for a login or a move which did not happen.
-- KEYS: list.  ARGV: key, the entry, the one before or nothing.
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then
  if ARGV[3] ~= '' then
    redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
  else
    redis.call('HDEL', KEYS[1], ARGV[1])
  end
end
return { 'O' }
