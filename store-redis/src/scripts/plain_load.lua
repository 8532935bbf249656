-- The way of a load of a session that is just there, before anything else is defined; whatever it
-- finds not plain is left to load.lua, with nothing written. What the arguments are stands there,
-- and what the fields are in shared.lua.
local function plain()
  local found = redis.call('HMGET', KEYS[1], 'k', 'm', 'f')
  local k, m = found[1], found[2]
  if found[3] or not k or not m or #k ~= 57 or #m ~= 56 or string.byte(k) ~= 1 then
    return nil
  end
  local now = struct.unpack('>I8', ARGV[1])
  local gen, accessed, _, idle, absolute = struct.unpack('>I8I8I8I8I8', m)
  if accessed > now or gen < tonumber(redis.call('GET', KEYS[2]) or '0') then
    return nil
  end
  local due, new_due = absolute, absolute
  if idle > 0 then
    due, new_due = math.min(accessed + idle, absolute), math.min(now + idle, absolute)
  end
  if due <= now then
    return nil
  end
  local before = string.sub(m, 9, 16)
  if ARGV[2] ~= '' and accessed ~= now then
    local spared = struct.unpack('>I8', ARGV[2])
    if idle > 0 and idle / 10 < spared then
      spared = idle / 10
    end
    if now - accessed >= spared then
      local recorded = string.sub(m, 1, 8) .. ARGV[1] .. string.sub(m, 17)
      if type(redis.pcall('HSET', KEYS[1], 'm', recorded)) == 'table' then
        return nil
      end
      -- The server keeps a session to a full minute.
      local kept = math.ceil(new_due / 60000)
      if new_due < 9007199254740992 and kept > math.ceil(due / 60000) then
        redis.call('PEXPIRE', KEYS[1], string.format('%.0f', kept * 60000 - now + 3600000))
      end
    end
  end
  return { 'L', before, redis.call('HGETALL', KEYS[1]) }
end
local answer = plain()
if answer then
  return answer
end
