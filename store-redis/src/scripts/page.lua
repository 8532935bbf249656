-- A page of the sessions of a group.
-- KEYS: index.  ARGV: cursor, about how many.
local page = redis.call('ZSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
local keys = {}
for at = 1, #page[2], 2 do
  keys[#keys + 1] = page[2][at]
end
return { 'O', page[1], keys }
