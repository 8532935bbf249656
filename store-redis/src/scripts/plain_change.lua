-- The way of a plain change, which most are: attributes are set in a session that is there, and
-- nothing else. It stands before all else, so that it costs the server a fraction of the other
-- way, and leaves to that way, with nothing written, whatever it finds not plain after all. What
-- the arguments are stands in change.lua, and what the fields are in shared.lua.
local function plain()
  local head, names = ARGV[1], { 'k', 'm', 'f', 'p' }
  for at = 3, #ARGV, 4 do
    names[#names + 1] = 'a' .. ARGV[at]
  end
  local found = redis.call('HMGET', KEYS[1], unpack(names))
  local k, m, p = found[1], found[2], found[4]
  if found[3] or not k or not m or #k ~= 57 or #m ~= 56 or string.byte(k) ~= 1 then
    return nil
  end
  local now, accessed_now, max_bytes, max_attributes = struct.unpack('>I8I8I8I8', head, 4)
  local gen, accessed, _, idle, absolute, high, low, size = struct.unpack('>I8I8I8I8I8I4I4I8', m)
  local ahead = now + 300000
  if accessed > ahead or accessed_now > ahead or low == 0xffffffff
    or gen < tonumber(redis.call('GET', KEYS[2]) or '0') then
    return nil
  end
  local due = absolute
  if idle > 0 and accessed + idle < due then
    due = accessed + idle
  end
  if due <= now then
    return nil
  end
  local revision = struct.pack('>I4I4', high, low + 1)
  local written, new_size, more = {}, size, 0
  for at = 5, #names do
    local from = 3 + (at - 5) * 4
    local current, expected, value = found[at], ARGV[from + 1], ARGV[from + 3]
    if not (expected == '*' or (expected == '-' and not current)
      or (current and #expected == 8 and string.sub(current, 1, 8) == expected)) then
      return nil
    end
    if current then
      new_size = new_size + #value - (#current - 8)
    else
      new_size, more = new_size + #ARGV[from] + #value - 1, more + 1
    end
    written[#written + 1] = names[at]
    written[#written + 1] = revision .. value
  end
  -- The name and the label of a login count too; the fields that are no attributes do not.
  local login_size, others = p and #p - 52 or 0, p and 3 or 2
  if new_size < 0 or (new_size > size and new_size + login_size > max_bytes)
    or (more > 0 and redis.call('HLEN', KEYS[1]) - others + more > max_attributes) then
    return nil
  end
  local new_due, access = due, string.sub(m, 9, 16)
  if accessed_now > accessed then
    access, new_due = string.sub(head, 12, 19), absolute
    if idle > 0 and accessed_now + idle < absolute then
      new_due = accessed_now + idle
    end
  end
  written[#written + 1] = 'm'
  written[#written + 1] = string.sub(m, 1, 8) .. access .. string.sub(m, 17, 40) .. revision
    .. struct.pack('>I8', new_size)
  local answer = redis.pcall('HSET', KEYS[1], unpack(written))
  if type(answer) == 'table' then
    return nil
  end
  -- The server keeps a session to a full minute.
  local kept = math.ceil(new_due / 60000)
  if new_due < 9007199254740992 and kept > math.ceil(due / 60000) then
    redis.call('PEXPIRE', KEYS[1], string.format('%.0f', kept * 60000 - now + 3600000))
  end
  return { 'O', revision, p and string.sub(p, 9, 40) or '', false, false }
end
if string.byte(ARGV[1]) == 112 then
  local answer = plain()
  if answer then
    return answer
  end
end
