-- Where the runs of a batch stand in the sweep table: rows are given out and freed, and all is written.

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

-- The pieces of a batch of which all rows are written and follow each other: one in each segment.
local function pieces_of_all(sweep)
  local pieces, row, number, left = {}, sweep.first_row, 1, sweep.count
  while left > 0 do
    local count = math.min(left, SEGMENT_ROWS - row % SEGMENT_ROWS)
    pieces[#pieces + 1] = {row = row, number = number, count = count}
    row, number, left = row + count, number + count, left - count
  end
  return pieces
end

-- Write what is gathered; `revision` is that of the last change.
local function flush_table(sweep, revision)
  local pending, changed, moved, gone = sweep.pending, {}, {}, {}
  local placed, pieces, count, added, first = {}, {}, sweep.count, 0, sweep.rows
  if sweep.is_all then
    settle_columns(sweep)
    pieces = pieces_of_all(sweep)
  elseif sweep.pending_count == 0 then return
  else
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
    count = #gone + #placed
    if #placed > 0 then
      settle_columns(sweep)
      pieces = place_rows(sweep, placed, take_free(sweep, added))
    end
  end
  sweep.pending, sweep.pending_count, sweep.is_all = {}, 0, false
  for _, piece in ipairs(pieces) do
    write_piece(sweep, piece)
    changed[math.floor(piece.row / SEGMENT_ROWS)] = true
    if piece.is_named then moved[math.floor(piece.row / SEGMENT_ROWS)] = true end
  end
  if not note_segments(sweep.key .. 'changes', changed, revision) then return end
  if sweep.rows > first then make_ahead(sweep, first) end
  sweep.is_changed = true
  note_segments(sweep.key .. 'moved', moved, revision)
  note_rows(sweep, gone, pieces, count, changed, revision)
end
