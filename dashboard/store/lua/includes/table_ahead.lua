-- The strings of the next segment of the sweep table, made while the one before is filled: all fifty at once would take the batch that begins
-- a segment several milliseconds, where the machine takes its time to give memory.

-- Segments from which on it is done: to a smaller session the memory would be a burden, and its batches have time enough.
local LARGE_SEGMENTS = 16
-- Rows of a segment from which on, and until when, the strings of the next one are made.
local AHEAD_FROM, AHEAD_UNTIL = 2040, 3570

-- How many of so many strings there ought to be once a segment has rows up to a place.
local function due_at(place, strings)
  local share = (place - AHEAD_FROM) / (AHEAD_UNTIL - AHEAD_FROM)
  return math.floor(math.max(0, math.min(1, share)) * strings)
end

-- Make what is due after rows were given out from `first` on: the hashes, which tell of a segment, then the columns of the batch that the
-- segment in hand has. What is left over is made when the segment begins.
local function make_ahead(sweep, first)
  local segment = math.floor((sweep.rows - 1) / SEGMENT_ROWS)
  local start, strings, hashes = segment * SEGMENT_ROWS, #sweep.names + 1, sweep.key .. 'hashes:' .. segment + 1
  local from, to = due_at(first - start, strings), due_at(sweep.rows - start, strings)
  if segment < LARGE_SEGMENTS or from == to then return end
  if redis.call('EXISTS', hashes) == 0 then
    if from > 0 then return end
    redis.call('SETRANGE', hashes, SEGMENT_ROWS * sweep.width - 1, '\0')
  end
  for i = math.max(from, 1), to - 1 do
    local key, name = sweep.key .. 'values:', ':' .. sweep.names[i]
    local next_key = key .. segment + 1 .. name
    if redis.call('EXISTS', key .. segment .. name) == 1 and redis.call('EXISTS', next_key) == 0 then
      redis.call('SETRANGE', next_key, FULL - 1, '\0')
    end
  end
end
