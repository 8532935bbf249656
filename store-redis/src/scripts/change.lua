-- The way of a change that is not plain (see plain_change.lua). Applies a change set to a session,
-- completely or not at all, and perhaps gives it another key.
-- KEYS: session, generation, index; for a move within the group also the new session.
-- ARGV: 1 head: mode (p, a: apply, m: move within the group, d: depart for another group),
--         reply (0: revision, 1: record, 2: record before and after), clear attributes (0, 1),
--         now, accessed, most bytes, most attributes
--       2 key
--       for all modes but p:
--       3 idle limit, or nothing  4 login (p), or nothing   5 absolute deadline of the login
--       6 issued, or nothing      7 new key
--       8 not after: milliseconds by the clock of this server, or nothing
--       9 for a move without a login: the principal that is known to have the session
--       then for each attribute: name, expected (* anything, - absent, or a revision),
--       edit (p put, r remove, or a and four bytes: append so many items), codec and value or items
local head, key, index = ARGV[1], KEYS[1], KEYS[3]
local mode, reply = string.sub(head, 1, 1), string.sub(head, 2, 2)
local now_bytes, accessed_by = string.sub(head, 4, 11), string.sub(head, 12, 19)
local max_bytes, max_attributes = struct.unpack('>I8I8', head, 20)
local now = num(now_bytes)
local FIRST = 3
local new_idle, new_login, login_absolute, new_issued, new_key, not_after, known
if mode == 'p' then
  mode = 'a'
  new_idle, new_login, new_issued, not_after = '', '', '', ''
else
  FIRST = 10
  new_idle, new_login, login_absolute, new_issued, new_key, not_after, known = unpack(ARGV, 3, 9)
end

local clear, login = string.sub(head, 3, 3) == '1', new_login ~= ''
-- The attributes come after the fields that every session has, and p.
local OTHERS = 5
local names = { 'k', 'm', 'f', 't', 'p' }
for at = FIRST, #ARGV, 4 do
  names[#names + 1] = 'a' .. ARGV[at]
end
local other, record, current = look(key, KEYS[2], now, names)
if other then
  if mode == 'a' and other[1] == 'F' and other[4] == '1' then
    return { 'A' }
  end
  return other
end
for first = STEP + 1, #names, STEP do
  local values = redis.call('HMGET', key, unpack(names, first, math.min(first + STEP - 1, #names)))
  for at = 1, #values do
    current[first + at - 1] = values[at]
  end
end
if not_after ~= '' and server_time() > tonumber(not_after) then
  return { 'T' }
end
if mode == 'm' and redis.call('EXISTS', KEYS[4]) == 1 then
  return { 'X' }
end

local p = current[OTHERS]
local principal = p and string.sub(p, 9, 40) or ''
if mode ~= 'a' and not login and principal ~= known then
  return { 'P', principal }
end

-- The count of items and the length of the header, when a value is a list.
local function list_header(value)
  local first = string.byte(value, 10)
  if not first then
    return nil
  elseif first >= 0x90 and first <= 0x9f then
    return first - 0x90, 1
  elseif first == 0xdc and #value >= 12 then
    return (struct.unpack('>I2', value, 11)), 3
  elseif first == 0xdd and #value >= 14 then
    return (struct.unpack('>I4', value, 11)), 5
  end
  return nil
end

-- The login without its fixed parts, and an attribute, as the limits count them.
local function login_size(bytes)
  return bytes and #bytes - 52 or 0
end

-- First everything is checked, then everything is written.
if #names > OTHERS or login then
  local size = record.size + login_size(p)
  local new_size, more = clear and size - record.size or size, 0
  for at = OTHERS + 1, #names do
    local from = FIRST + (at - OTHERS - 1) * 4
    local name, expected, edit, value = ARGV[from], ARGV[from + 1], ARGV[from + 2], ARGV[from + 3]
    local found = not clear and current[at] or nil
    local is_met = expected == '*' or (expected == '-' and not found)
      or (found and #expected == 8 and string.sub(found, 1, 8) == expected)
    if not is_met then
      return { 'C', redis.call('HGETALL', key) }
    end
    local kind = string.sub(edit, 1, 1)
    local found_size = found and #name + #found - 9 or 0
    new_size = math.max(new_size - found_size, 0)
    if kind == 'a' then
      if found and not list_header(found) then
        return { 'Y', name }
      end
      new_size = new_size + #value + (found and found_size + 4 or #name + 5)
    elseif kind == 'p' then
      new_size = new_size + #name + #value - 1
    end
    more = more - (found and 1 or 0) + (kind == 'r' and 0 or 1)
  end
  if login then
    new_size = math.max(new_size - login_size(p), 0) + login_size(new_login)
  end
  local too_large = new_size > max_bytes and new_size > size
  local too_many = false
  if clear or more > 0 then
    local count = redis.call('HLEN', key) - 2 - (p and 1 or 0)
    local new_count = clear and more or count + more
    too_many = new_count > max_attributes and new_count > count
  end
  if too_large or too_many then
    return { 'Z' }
  end
end

local before = false
if reply == '2' then
  before = redis.call('HGETALL', key)
end

local revision = string.sub(record.m, 41, 48)
if clear or #names > OTHERS or new_idle ~= '' or login then
  local high, low = struct.unpack('>I4I4', revision)
  if low < 0xffffffff then
    revision = struct.pack('>I4I4', high, low + 1)
  elseif high < 0xffffffff then
    revision = struct.pack('>I4I4', high + 1, 0)
  end
end

local size = clear and 0 or record.size
local removed, written = {}, {}
for at = OTHERS + 1, #names do
  local from = FIRST + (at - OTHERS - 1) * 4
  local name, edit, value = ARGV[from], ARGV[from + 2], ARGV[from + 3]
  local found = not clear and current[at] or nil
  local kind = string.sub(edit, 1, 1)
  if found then
    size = size - #name - (#found - 9)
  end
  if kind == 'r' then
    if found then
      removed[#removed + 1] = names[at]
    end
  else
    local new
    if kind == 'p' then
      new = revision .. value
    elseif found then
      local items, header = list_header(found)
      local more = struct.unpack('>I4', edit, 2)
      new = revision .. string.sub(found, 9, 9) .. '\221' .. struct.pack('>I4', items + more)
        .. string.sub(found, 10 + header) .. value
    else
      new = revision .. '\001\221' .. string.sub(edit, 2) .. value
    end
    size = size + #name + #new - 9
    written[#written + 1] = names[at]
    written[#written + 1] = new
  end
end

local idle_bytes = new_idle ~= '' and new_idle or string.sub(record.m, 25, 32)
local absolute_bytes = login and login_absolute or string.sub(record.m, 33, 40)
local issued_bytes = string.sub(record.m, 17, 24)
if new_issued ~= '' and num(new_issued) > record.issued then
  issued_bytes = new_issued
end
local accessed, accessed_bytes = later(record.accessed, string.sub(record.m, 9, 16),
  num(accessed_by), accessed_by, now, now_bytes)
written[#written + 1] = 'm'
written[#written + 1] = string.sub(record.m, 1, 8) .. accessed_bytes .. issued_bytes
  .. idle_bytes .. absolute_bytes .. revision .. struct.pack('>I8', size)
if login then
  written[#written + 1] = 'p'
  written[#written + 1] = new_login
end
if clear then
  written[#written + 1] = 'k'
  written[#written + 1] = record.k
  if p and not login then
    written[#written + 1] = 'p'
    written[#written + 1] = p
  end
end
if mode ~= 'a' then
  written[#written + 1] = 'k'
  written[#written + 1] = string.sub(record.k, 1, 1) .. new_key .. string.sub(record.k, 34)
end

-- What is removed goes first: a server without memory lets the rest through after it.
if clear then
  redis.call('DEL', key)
end
for at = 1, #removed, STEP do
  redis.call('HDEL', key, unpack(removed, at, math.min(at + STEP - 1, #removed)))
end
if mode == 'a' and size <= record.size and (not login or #new_login <= (p and #p or 0)) then
  replace_fields(key, written)
else
  set_fields(key, written)
end
local due = deadline(accessed, num(idle_bytes), num(absolute_bytes))

local after = false
if mode == 'd' or reply ~= '0' then
  after = redis.call('HGETALL', key)
end
if mode == 'a' then
  expire(key, due, now)
  if due < record.deadline then
    note(index, ARGV[2], due)
  end
else
  if mode == 'm' then
    redis.call('RENAME', key, KEYS[4])
    expire(KEYS[4], due, now)
    note(index, new_key, due)
  end
  redis.call('HSET', key, 'f', '\001' .. new_key .. now_bytes .. (clear and '1' or '0')
    .. string.sub(record.m, 1, 8))
  redis.call('PEXPIRE', key, FORWARD_LIFETIME)
  redis.call('ZREM', index, ARGV[2])
end
return { 'O', revision, principal, before, after }
