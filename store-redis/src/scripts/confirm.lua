-- Makes an entry one that counts only while the session is the principal's, strikes the old key
-- off that the session had, and answers how many entries there are.
-- KEYS: list.  ARGV: new key, old key, the entry.
if ARGV[1] ~= ARGV[2] then
  redis.call('HDEL', KEYS[1], ARGV[2])
end
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[3] then
  redis.call('HSET', KEYS[1], ARGV[1], struct.pack('>I8', 0) .. string.sub(ARGV[3], 9, 16))
end
return { 'O', int(redis.call('HLEN', KEYS[1]) - redis.call('HEXISTS', KEYS[1], '#')) }
