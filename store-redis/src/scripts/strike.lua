-- Strikes entries off the list of a principal.
-- KEYS: list.  ARGV: also those that are reserved: 0, 1; then keys.
local now = server_time()
for at = 2, #ARGV do
  local entry = redis.call('HGET', KEYS[1], ARGV[at])
  if entry and (ARGV[1] == '1' or num(string.sub(entry, 1, 8)) <= now) then
    redis.call('HDEL', KEYS[1], ARGV[at])
  end
end
if redis.call('HLEN', KEYS[1]) == redis.call('HEXISTS', KEYS[1], '#') then
  redis.call('DEL', KEYS[1])
end
return { 'O' }
