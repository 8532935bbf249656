-- What the scripts share. Each script is this file and its own, as one program, and touches no
-- key that is not among its KEYS. What is defined here costs the server a few microseconds at
-- each call; what is called most often does without.
--
-- A session is a hash. Numbers in it are eight bytes, the most significant first; Lua knows
-- doubles only, so a stored number is compared here and copied, but never computed: what is
-- written is always one of the numbers that were read or given. From 2^53 milliseconds on, in
-- 285,000 years, comparisons are exact to two seconds.
--
--   k   version (1 byte, 1), key (32), handle (16), created
--   m   generation, accessed, issued, idle limit (0: never), absolute deadline, revision,
--       bytes of all names and values
--   p   only when somebody is logged in: since when, key of the principal (32), remembered for
--       (0: not), length of the name (4 bytes), name, label
--   a.. each attribute, under "a" and its name: revision, codec (1 byte), value
--   f   version (1 byte, 1), new key (32), since when, closed (1 byte: 0 or 1), generation:
--       the session has another key, or is on its way there when the other fields are there too
--   t   version (1 byte, 1), old key (32): the session may be on its way to this key

local VERSION = 1
local NEVER = 9007199254740992
local MINUTE = 60000
local HOUR = 3600000
local FORWARD_LIFETIME = 1800000
local SKEW = 300000
-- Lua passes on a few thousand arguments at most.
local STEP = 2000

local function num(bytes)
  return (struct.unpack('>I8', bytes))
end

local function int(number)
  return string.format('%.0f', number)
end

local function generation(key)
  return tonumber(redis.call('GET', key) or '0')
end

-- Milliseconds by the clock of this server.
local function server_time()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function deadline(accessed, idle, absolute)
  if idle > 0 and accessed + idle < absolute then
    return accessed + idle
  end
  return absolute
end

-- What a record, given as its fields k and m, says; nil when it is damaged.
local function read(k, m)
  if not k or not m or #k ~= 57 or #m ~= 56 then
    return nil
  end
  local gen, accessed, issued, idle, absolute, _, size = struct.unpack('>I8I8I8I8I8I8I8', m)
  return {
    k = k, m = m, generation = gen, accessed = accessed, issued = issued, idle = idle,
    absolute = absolute, size = size, deadline = deadline(accessed, idle, absolute),
  }
end

-- What is under a key, as the answer that says why there is no live session, or the session:
--   A  nothing that is live      F  another key, since, closed    S  perhaps, if at the old key
--   D  a damaged record          N  the version of a newer one
-- A session comes with the fields that were asked for: names that begin with k, m, f and t.
local MARKS = { 'k', 'm', 'f', 't' }
local function look(key, generation_key, now, names)
  names = names or MARKS
  local fields = redis.call('HMGET', key, unpack(names, 1, math.min(#names, STEP)))
  local k, m, f, t = fields[1], fields[2], fields[3], fields[4]
  local mark = f or t or k
  if not mark then
    if redis.call('EXISTS', key) == 0 then
      return { 'A' }
    end
    return { 'D' }
  end
  local version = string.byte(mark, 1) or 0
  if version > VERSION then
    return { 'N', string.char(version) }
  end
  if version < VERSION then
    return { 'D' }
  end
  if f then
    if #f ~= 50 then
      return { 'D' }
    end
    local since = string.sub(f, 34, 41)
    local is_over = num(since) + FORWARD_LIFETIME <= now
    if is_over or num(string.sub(f, 43, 50)) < generation(generation_key) then
      return { 'A' }
    end
    return { 'F', string.sub(f, 2, 33), since, string.sub(f, 42, 42) }
  end
  if t then
    if #t ~= 33 then
      return { 'D' }
    end
    return { 'S', string.sub(t, 2, 33) }
  end
  local record = read(k, m)
  if not record then
    return { 'D' }
  end
  if record.generation < generation(generation_key) then
    return { 'A' }
  end
  if record.deadline <= now then
    return { 'A', 'expired' }
  end
  return nil, record, fields
end

-- The later of two accesses, as number and as bytes; one that is far ahead counts as now.
local function later(one, one_bytes, other, other_bytes, now, now_bytes)
  if one - now > SKEW then
    one, one_bytes = now, now_bytes
  end
  if other - now > SKEW then
    other, other_bytes = now, now_bytes
  end
  if other > one then
    return other, other_bytes
  end
  return one, one_bytes
end

-- Tells the server how long to keep a session at most: to a full minute, so that most accesses
-- need not say it again.
local function expire(key, due, now)
  if due >= NEVER then
    redis.call('PERSIST', key)
  else
    local kept = math.ceil(due / MINUTE) * MINUTE
    redis.call('PEXPIRE', key, int(math.max(kept - now, 0) + HOUR))
  end
end

-- Notes in the index when a session expires. What the index says may be too early: a sweep that
-- looks at the session then corrects it. So a deadline that moves later needs no note.
local function note(index, member, due)
  redis.call('ZADD', index, due >= NEVER and '+inf' or int(due), member)
end

-- Sets fields of a hash, given as one list of names and values.
local function set_fields(key, list)
  for first = 1, #list, STEP do
    redis.call('HSET', key, unpack(list, first, math.min(first + STEP - 1, #list)))
  end
end

-- Sets fields that make a session no larger. A server without memory refuses what a script writes,
-- unless that comes after something that takes none.
local function replace_fields(key, list)
  local written = redis.pcall('HSET', key, unpack(list, 1, math.min(STEP, #list)))
  if type(written) == 'table' and written.err then
    redis.call('HDEL', key, '')
    set_fields(key, list)
  elseif #list > STEP then
    set_fields(key, list)
  end
end

-- Keeps a record to be reported by a sweep, for an hour after the last one came.
local function report(ended, reason, record)
  redis.call('RPUSH', ended, cmsgpack.pack({ reason, record }))
  redis.call('PEXPIRE', ended, HOUR)
end
