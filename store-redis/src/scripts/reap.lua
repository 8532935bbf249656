-- Removes the sessions among those given that have expired or are of an earlier generation, and
-- answers them: reason and fields. Stops when the answer gets large; the rest keeps.
-- KEYS: generation, index (or what was set aside of it), then sessions.
-- ARGV: now, whether the index was set aside: 0, 1; then the keys of the sessions.
local ENOUGH = 4194304
local LATER = 600000
local now, is_aside, current = num(ARGV[1]), ARGV[2] == '1', generation(KEYS[1])
local answer, bytes = {}, 0
for at = 3, #KEYS do
  if bytes > ENOUGH then
    break
  end
  local key, member = KEYS[at], ARGV[at]
  local other, record = { 'D' }, nil
  local kind = redis.call('TYPE', key).ok
  if kind == 'hash' then
    -- As if it were the beginning of time: whether it has expired is told apart below.
    local fields = redis.call('HMGET', key, 'k', 'm', 'f', 't')
    local version = fields[1] and string.byte(fields[1], 1) or 0
    if fields[3] or fields[4] then
      other = { 'F' }
    elseif version > VERSION then
      other = { 'N' }
    else
      record = read(fields[1], fields[2])
    end
  end
  if not record then
    if other[1] == 'N' and not is_aside then
      -- Whoever can read it will report it.
      redis.call('ZADD', KEYS[2], int(now + LATER), member)
    else
      redis.call('ZREM', KEYS[2], member)
    end
  elseif record.generation >= current and record.deadline > now then
    if is_aside then
      redis.call('ZREM', KEYS[2], member)
    else
      note(KEYS[2], member, record.deadline)
    end
  else
    answer[#answer + 1] = record.generation < current and 'g' or 'e'
    answer[#answer + 1] = redis.call('HGETALL', key)
    bytes = bytes + record.size
    redis.call('DEL', key)
    redis.call('ZREM', KEYS[2], member)
  end
end
return { 'O', answer }
