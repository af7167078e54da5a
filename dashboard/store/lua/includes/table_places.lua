-- Where the runs of a batch stand in the sweep table: rows are given out and freed, and all is written.

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

-- Give every run its row; return the pieces to be written, each of which has operations and rows that follow each other.
local function place_rows(sweep, numbers, free)
  local pieces, changed, count, last, next_row, next_number = {}, {}, 0, nil, nil, nil
  local hash_of, row_of, shape_of, fresh_from = sweep.hash_of, sweep.row_of, sweep.shape_of, sweep.rows
  for _, number in ipairs(numbers) do
    local hash, digest = hash_of[number], digest_at(sweep, number)
    local row, shape = row_of[hash], shape_of[hash]
    local is_new = not row
    if is_new then
      local place = free[1] and table.remove(free)
      if place then row, shape = place.row, place.shape
      else row, sweep.rows = sweep.rows, sweep.rows + 1 end
      row_of[hash] = row
    end
    if shape and shape ~= digest then clear_row(sweep, row, shape) end
    if is_new or shape ~= digest then
      shape_of[hash] = digest
      changed[count + 1], changed[count + 2], count = hash, string.format('%d %s', row, digest), count + 2
    end
    if row == next_row and number == next_number and row % SEGMENT_ROWS > 0 then last.count = last.count + 1
    else
      last = {row = row, number = number, count = 1, is_fresh = true}
      pieces[#pieces + 1] = last
    end
    next_row, next_number = row + 1, number + 1
    last.is_fresh, last.is_named = last.is_fresh and row >= fresh_from, last.is_named or is_new
  end
  if count > 0 then redis.call('HSET', sweep.key .. 'places', unpack(changed)) end
  return pieces
end

-- Write what is gathered; `revision` is that of the last change.
local function flush_table(sweep, revision)
  local pending, changed, moved, gone = sweep.pending, {}, {}, {}
  if sweep.pending_count == 0 then return end
  sweep.pending, sweep.pending_count = {}, 0
  local placed, pieces, added = {}, {}, 0
  for _, number in ipairs(pending) do
    local hash = sweep.hash_of[number]
    local row = sweep.row_of[hash]
    if not sweep.is_gone[number] then
      placed[#placed + 1] = number
      if not row then added = added + 1 end
    elseif row then
      changed[math.floor(row / SEGMENT_ROWS)], moved[math.floor(row / SEGMENT_ROWS)] = true, true
      gone[#gone + 1] = row
      free_row(sweep, hash)
    end
  end
  if #placed > 0 then
    settle_columns(sweep)
    pieces = place_rows(sweep, placed, take_free(sweep, added))
    for _, piece in ipairs(pieces) do
      write_piece(sweep, piece)
      changed[math.floor(piece.row / SEGMENT_ROWS)] = true
      if piece.is_named then moved[math.floor(piece.row / SEGMENT_ROWS)] = true end
    end
  end
  if not note_segments(sweep.key .. 'changes', changed, revision) then return end
  sweep.is_changed = true
  note_segments(sweep.key .. 'moved', moved, revision)
  note_rows(sweep, gone, pieces, #gone + #placed, changed, revision)
end
