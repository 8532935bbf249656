-- Takes records that wait to be reported.
-- KEYS: ended.  ARGV: most records.
local ENOUGH = 4194304
local answer, bytes = {}, 0
for _ = 1, tonumber(ARGV[1]) do
  local packed = bytes <= ENOUGH and redis.call('LPOP', KEYS[1])
  if not packed then
    break
  end
  bytes = bytes + #packed
  local entry = cmsgpack.unpack(packed)
  answer[#answer + 1] = entry[1]
  answer[#answer + 1] = entry[2]
end
return { 'O', answer }
