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
local function free_row(sweep, hash, place)
  local segment = math.floor(place.row / SEGMENT_ROWS)
  sweep.segment = segment
  write_part(sweep, sweep.key .. 'hashes:' .. segment, place.row % SEGMENT_ROWS * sweep.width, string.rep('\0', sweep.width),
    SEGMENT_ROWS * sweep.width)
  redis.call('HDEL', sweep.key .. 'places', hash)
  redis.call('HDEL', sweep.key .. 'long', place.row)
  redis.call('SADD', sweep.key .. 'free', place.row .. ' ' .. place.shape)
  sweep.places[hash], sweep.free = nil, sweep.free + 1
end

-- Give every run its row; return the pieces to be written.
local function place_rows(sweep, pending, free)
  local pieces, places, changed, last = {}, sweep.places, {}, nil
  local fresh_from = sweep.rows
  for _, one in ipairs(pending) do
    local digest, place = digest_at(sweep, one.number), places[one.hash]
    local is_new = not place
    if is_new then
      place = table.remove(free)
      if not place then
        place = {row = sweep.rows}
        sweep.rows = sweep.rows + 1
      end
      places[one.hash] = place
    end
    if place.shape and place.shape ~= digest then clear_row(sweep, place.row, place.shape) end
    if is_new or place.shape ~= digest then
      place.shape = digest
      changed[#changed + 1], changed[#changed + 2] = one.hash, string.format('%.0f %s', place.row, digest)
    end
    local is_next = last and place.row == last.row + last.count and one.number == last.number + last.count
      and place.row % SEGMENT_ROWS > 0
    if is_next then last.count = last.count + 1
    else
      last = {row = place.row, number = one.number, count = 1, hashes = {}, is_fresh = true}
      pieces[#pieces + 1] = last
    end
    last.hashes[last.count] = one.hash
    last.is_fresh, last.is_named = last.is_fresh and place.row >= fresh_from, last.is_named or is_new
  end
  if #changed > 0 then redis.call('HSET', sweep.key .. 'places', unpack(changed)) end
  return pieces
end

-- Write what is gathered; `revision` is that of the last change.
local function flush_table(sweep, revision)
  local pending, changed, moved, rows = sweep.pending, {}, {}, {}
  if #pending == 0 then return end
  sweep.pending = {}
  local placed, added = {}, 0
  for _, one in ipairs(pending) do
    local place = sweep.places[one.hash]
    if not one.is_gone then
      placed[#placed + 1] = one
      if not place then added = added + 1 end
    elseif place then
      changed[math.floor(place.row / SEGMENT_ROWS)], moved[math.floor(place.row / SEGMENT_ROWS)] = true, true
      rows[#rows + 1] = place.row
      free_row(sweep, one.hash, place)
    end
  end
  if #placed > 0 then
    settle_columns(sweep)
    for _, piece in ipairs(place_rows(sweep, placed, take_free(sweep, added))) do
      write_piece(sweep, piece)
      changed[math.floor(piece.row / SEGMENT_ROWS)] = true
      if piece.is_named then moved[math.floor(piece.row / SEGMENT_ROWS)] = true end
      for row = piece.row, piece.row + piece.count - 1 do rows[#rows + 1] = row end
    end
  end
  if not note_segments(sweep.key .. 'changes', changed, revision) then return end
  sweep.is_changed = true
  note_segments(sweep.key .. 'moved', moved, revision)
  note_rows(sweep, rows, changed, revision)
end
