-- Tell which of some runs have no record.
--
-- KEYS[1] session:{sid}:bots, for the slot that the records share
-- ARGV[1] prefix of the records' keys
-- ARGV[2..] hashes, at most some thousand
--
-- Output: the hashes without a record
local missing = {}
for i = 2, #ARGV do
  if redis.call('EXISTS', ARGV[1] .. ARGV[i]) == 0 then missing[#missing + 1] = ARGV[i] end
end
return missing
