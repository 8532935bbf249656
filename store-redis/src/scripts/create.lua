-- Stores a session under a key that is free. It uses nothing of what the other scripts share, so
-- that it costs the server less.
-- KEYS: session, generation, index.
-- ARGV: now, when the session expires, key, not after (or nothing), fields: k, m, and others.
if redis.call('EXISTS', KEYS[1]) == 1 then
  return { 'X' }
end
if ARGV[4] ~= '' then
  local time = redis.call('TIME')
  if tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) > tonumber(ARGV[4]) then
    return { 'T' }
  end
end
local generation = redis.call('GET', KEYS[2])
local m = struct.pack('>I8', tonumber(generation or '0')) .. string.sub(ARGV[8], 9)
-- Lua passes on a few thousand arguments at most.
redis.call('HSET', KEYS[1], 'k', ARGV[6], 'm', m, unpack(ARGV, 9, math.min(2000, #ARGV)))
for first = 2001, #ARGV, 2000 do
  redis.call('HSET', KEYS[1], unpack(ARGV, first, math.min(first + 1999, #ARGV)))
end
local now, due = struct.unpack('>I8', ARGV[1]), struct.unpack('>I8', ARGV[2])
if due >= 9007199254740992 then
  redis.call('ZADD', KEYS[3], '+inf', ARGV[3])
else
  -- The server keeps it an hour longer, and to a full minute.
  local kept = math.max(math.ceil(due / 60000) * 60000 - now, 0) + 3600000
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', kept))
  redis.call('ZADD', KEYS[3], string.format('%.0f', due), ARGV[3])
end
return { 'O' }
