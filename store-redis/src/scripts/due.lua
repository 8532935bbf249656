-- What a sweep of a group has to do: the generation, how many records wait to be reported, the
-- oldest generation that is not swept yet, and the keys of sessions that may have expired.
-- KEYS: generation, index, ended, outdated.  ARGV: now, most keys.
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', int(num(ARGV[1])), 'LIMIT', 0, ARGV[2])
return {
  'O', int(generation(KEYS[1])), int(redis.call('LLEN', KEYS[3])),
  redis.call('LINDEX', KEYS[4], 0), due,
}
