-- See how large the records of some runs are, before they are fetched; and tell runs that were looked up before.
--
-- KEYS[1] session:{sid}:next:{token}:bots, or any key of the session when `mode` is ''
-- ARGV[1] prefix of the records
-- ARGV[2] mode: 'claim' puts those that have a record into KEYS[1], 'keep' all, '' none
-- ARGV[3..] hashes, at most some hundred, each once
--
-- Output: for each its bytes, -1 without a record, -2 in KEYS[1] already, -3 of another type than text
local answer, mode, claimed = {}, ARGV[2], {}
local seen = mode ~= '' and redis.call('SMISMEMBER', KEYS[1], unpack(ARGV, 3)) or {}
for i = 3, #ARGV do
  local size = -2
  if seen[i - 2] ~= 1 then
    size = redis.pcall('STRLEN', ARGV[1] .. ARGV[i])
    if type(size) ~= 'number' then size = -3
    elseif size == 0 and redis.call('EXISTS', ARGV[1] .. ARGV[i]) == 0 then size = -1 end
    if mode == 'keep' or (mode == 'claim' and size ~= -1) then claimed[#claimed + 1] = ARGV[i] end
  end
  answer[#answer + 1] = size
end
if #claimed > 0 then redis.call('SADD', KEYS[1], unpack(claimed)) end
return answer
