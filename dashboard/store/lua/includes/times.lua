-- Runs by time: those of the usual statuses stand in the sorted sets of their status alone, those of all others in the ones of the
-- session, too. So the runs of a session by time are the merge of four, however many statuses there are (see keys.py).
local USUAL = {'completed', 'failed', 'running'}
local IS_USUAL = {completed = true, failed = true, running = true}

-- The later one of two highest entries, each {hash, score} or empty.
local function later(one, other)
  if not one[1] or not other[1] then return one[1] and one or other end
  local mine, theirs = tonumber(one[2]), tonumber(other[2])
  if mine == theirs then return bytes_less(one[1], other[1]) and other or one end
  return mine > theirs and one or other
end

-- The run that was updated last: {hash, score}, empty when there is none.
local function last_updated(keys)
  local last = redis.call('ZREVRANGE', keys.updated, 0, 0, 'WITHSCORES')
  for _, status in ipairs(USUAL) do
    last = later(last, redis.call('ZREVRANGE', keys.index_status_prefix .. status .. ':updated', 0, 0, 'WITHSCORES'))
  end
  return last
end
