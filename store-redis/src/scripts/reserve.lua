-- Enters a session in the list of a principal, before it is theirs. A list is a hash:
--   #     how many logins there were
--   key   until when the entry counts whatever is under the key, by the clock of this server;
--         the number of the login; and the old key, when the session is on its way from there
-- KEYS: list.
-- ARGV: new key, old key, l (login) or m (move: the number of the login stays),
--       most sessions or nothing, milliseconds to live or nothing,
--       then entries that do not count: key, what it was, x (to be struck off) or i
-- Answers O, the time, the entry, the one before; or F and the list.
local RESERVED = 240000
local list, new, old, now = KEYS[1], ARGV[1], ARGV[2], server_time()

local ignored = {}
for at = 6, #ARGV, 3 do
  local entry = redis.call('HGET', list, ARGV[at])
  if entry == ARGV[at + 1] and num(string.sub(entry, 1, 8)) <= now then
    ignored[ARGV[at]] = true
    if ARGV[at + 2] == 'x' then
      redis.call('HDEL', list, ARGV[at])
    end
  end
end

if ARGV[4] ~= '' then
  local entries, present = redis.call('HGETALL', list), {}
  for at = 1, #entries, 2 do
    present[entries[at]] = not ignored[entries[at]]
  end
  local count = 0
  for at = 1, #entries, 2 do
    local key, from = entries[at], string.sub(entries[at + 1], 17)
    local is_own = key == new or key == old or from == new or from == old
    if #key == 32 and present[key] and not present[from] and not is_own then
      count = count + 1
    end
  end
  if count >= tonumber(ARGV[4]) then
    return { 'F', entries }
  end
end

local left = redis.call('PTTL', list)
local before = redis.call('HGET', list, new)
local number
if ARGV[3] == 'm' then
  local entry = redis.call('HGET', list, old)
  number = entry and string.sub(entry, 9, 16)
end
if not number then
  number = struct.pack('>I8', redis.call('HINCRBY', list, '#', 1))
end
local entry = struct.pack('>I8', now + RESERVED) .. number
if new ~= old then
  entry = entry .. old
end
redis.call('HSET', list, new, entry)
if ARGV[5] == '' then
  redis.call('PERSIST', list)
elseif left ~= -1 then
  redis.call('PEXPIRE', list, int(math.max(tonumber(ARGV[5]), left)))
end
return { 'O', int(now), entry, before }
