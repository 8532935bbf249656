-- The list of a principal.
-- KEYS: list.
return { 'O', redis.call('HGETALL', KEYS[1]) }
