-- Keys of sessions of an earlier generation. When there are none left it is done with.
-- KEYS: set aside, outdated.  ARGV: the generation, most keys.
local keys = redis.call('ZRANGE', KEYS[1], 0, tonumber(ARGV[2]) - 1)
if #keys == 0 then
  redis.call('LREM', KEYS[2], 0, ARGV[1])
end
return { 'O', keys }
