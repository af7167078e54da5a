-- See how large the records of some runs are, before they are fetched; and tell runs that were looked up before.
--
-- KEYS[1] session:{sid}:next:{token}:bots, or any key of the session when `mode` is ''
-- ARGV[1] prefix of the records
-- ARGV[2] mode: 'claim' puts those that have a record into KEYS[1], 'keep' all, '' none
-- ARGV[3..] hashes, at most some hundred
--
-- Output: for each its bytes, -1 without a record, -2 in KEYS[1] already, -3 of another type than text
local answer, mode = {}, ARGV[2]
for i = 3, #ARGV do
  local hash, size = ARGV[i], nil
  if mode ~= '' and redis.call('SADD', KEYS[1], hash) == 0 then size = -2
  else
    size = redis.pcall('STRLEN', ARGV[1] .. hash)
    if type(size) ~= 'number' then size = -3
    elseif size == 0 and redis.call('EXISTS', ARGV[1] .. hash) == 0 then size = -1 end
    if size == -1 and mode == 'claim' then redis.call('SREM', KEYS[1], hash) end
  end
  answer[#answer + 1] = size
end
return answer
