-- Rows of the sweep table that deleted runs had.

-- Take up to `count` rows of deleted runs: a list of {row, shape}, the last row first.
local function take_free(sweep, count)
  if sweep.free == 0 or count == 0 then return {} end
  local found = {}
  for i, member in ipairs(redis.call('SPOP', sweep.key .. 'free', math.min(count, sweep.free))) do
    local row, shape = string.match(member, '^(%d+) (%S+)$')
    if row then found[#found + 1] = {row = tonumber(row), shape = shape} end
  end
  sweep.free = redis.call('SCARD', sweep.key .. 'free')
  table.sort(found, function(a, b) return a.row > b.row end)
  return found
end

-- Free the row of a run that is gone; what it held is cleared when the row is given out again.
local function free_row(sweep, hash)
  local row, shape = sweep.row_of[hash], sweep.shape_of[hash]
  local segment = math.floor(row / SEGMENT_ROWS)
  sweep.segment = segment
  write_part(sweep, sweep.key .. 'hashes:' .. segment, row % SEGMENT_ROWS * sweep.width, string.rep('\0', sweep.width),
    SEGMENT_ROWS * sweep.width)
  redis.call('HDEL', sweep.key .. 'places', hash)
  redis.call('HDEL', sweep.key .. 'long', row)
  redis.call('SADD', sweep.key .. 'free', row .. ' ' .. shape)
  sweep.row_of[hash], sweep.shape_of[hash], sweep.free = nil, nil, sweep.free + 1
end
