-- What has departed from a key to another one: B and the session, M when it has arrived, or A
-- when nothing departed to there.
-- KEYS: old session.  ARGV: new key.
local f = redis.call('HGET', KEYS[1], 'f')
if not f or #f ~= 50 or string.sub(f, 2, 33) ~= ARGV[1] then
  return { 'A' }
end
local fields = redis.call('HGETALL', KEYS[1])
if #fields == 2 then
  return { 'M' }
end
return { 'B', fields }
