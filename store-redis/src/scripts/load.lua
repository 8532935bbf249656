-- Reads a session and records the access, if it counts and is due.
-- KEYS: session, generation, index.  ARGV: now, spare the write within (or nothing: a peek), key.
local now = num(ARGV[1])
local other, record = look(KEYS[1], KEYS[2], now)
if other then
  return other
end
local before = string.sub(record.m, 9, 16)
local is_due = false
if ARGV[2] ~= '' and record.accessed ~= now then
  local spared = num(ARGV[2])
  if record.idle > 0 then
    spared = math.min(spared, record.idle / 10)
  end
  is_due = now < record.accessed or now - record.accessed >= spared
end
if is_due then
  local accessed, bytes = later(record.accessed, before, now, ARGV[1], now, ARGV[1])
  if bytes ~= before then
    local m = string.sub(record.m, 1, 8) .. bytes .. string.sub(record.m, 17)
    -- A session that is in use does not expire on a server that has no memory left either.
    replace_fields(KEYS[1], { 'm', m })
    local due = deadline(accessed, record.idle, record.absolute)
    expire(KEYS[1], due, now)
    if due < record.deadline then
      note(KEYS[3], ARGV[3], due)
    end
  end
end
return { 'L', before, redis.call('HGETALL', KEYS[1]) }
