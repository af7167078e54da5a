-- Parts of the strings that the sweep table consists of.

-- Bytes from which on a string of the first segment has its whole length: until then it grows with the session.
local MOST_GROWN = 8192

-- See to a string that is not `full` bytes long, i.e. whole, once a part of it was written: `length` is what the server answered. A string
-- that is begun away from its end is made anew in its whole length: the server would double one that grows.
local function see_to_length(sweep, key, offset, part, full, length)
  if type(length) ~= 'number' then
    -- Somebody has put something else there: the values of the segment's other rows are lost until all is built anew.
    redis.call('UNLINK', key)
    redis.call('HDEL', sweep.stats, 'built')
    length = redis.call('SETRANGE', key, offset, part)
  end
  if length < full and (length > MOST_GROWN or sweep.segment > 0) then
    local begun = redis.call('GET', key)
    redis.call('UNLINK', key)
    redis.call('SETRANGE', key, full - 1, '\0')
    redis.call('SETRANGE', key, 0, begun)
  end
end

-- Write a part of a string that is `full` bytes long when it is whole.
local function write_part(sweep, key, offset, part, full)
  local length = redis.pcall('SETRANGE', key, offset, part)
  if length ~= full then see_to_length(sweep, key, offset, part, full, length) end
end

-- The configHash as it stands in the table, and whether it is too long for that.
local function padded(width, hash)
  local size = #hash
  if size > width or size == 0 or string.byte(hash) == 255 or string.find(hash, '\0', 1, true) then
    return '\255' .. string.rep('\0', width - 1), true
  end
  return size == width and hash or hash .. string.rep('\0', width - size), false
end

-- Write the values, and the hashes if any of them is new, of runs whose operations and rows follow each other within a segment.
local function write_piece(sweep, piece)
  local row, number, count = piece.row, piece.number, piece.count
  local segment, at = math.floor(row / SEGMENT_ROWS), row % SEGMENT_ROWS
  local key, nothing = sweep.key .. 'values:' .. segment .. ':', string.rep(MISSING, count)
  local names, values, sub, pcall = sweep.names, sweep.values, string.sub, redis.pcall
  local columns = sweep.columns ~= true and sweep.columns
  -- The server takes long to write a number out, and there is one call a value where runs do not follow each other.
  local offset, stride, from, bytes = string.format('%.0f', at * 8), 8 * sweep.count, 8 * number - 7, 8 * count - 1
  sweep.segment = segment
  -- There are some fifty columns: what is done for each is done here, without a function of its own.
  for i = 1, #(columns or names) do
    local position = columns and columns[i] or i
    local first = (position - 1) * stride + from
    local part = sub(values, first, first + bytes)
    -- What was never written is missing.
    if part ~= nothing or not piece.is_fresh then
      local name = key .. names[position]
      local length = pcall('SETRANGE', name, offset, part)
      if length ~= FULL then see_to_length(sweep, name, offset, part, FULL, length) end
    end
  end
  if not piece.is_named then return end
  local hashes, hash_of, width, is_long = {}, sweep.hash_of, sweep.width, nil
  for i = 1, count do
    local hash = hash_of[number + i - 1]
    hashes[i], is_long = padded(width, hash)
    if is_long then redis.call('HSET', sweep.key .. 'long', row + i - 1, hash) end
  end
  write_part(sweep, sweep.key .. 'hashes:' .. segment, at * width, table.concat(hashes), SEGMENT_ROWS * width)
end

-- Clear what a row held in columns that the batch does not write.
local function clear_row(sweep, row, shape)
  local position = positions_of(sweep)
  local segment = math.floor(row / SEGMENT_ROWS)
  sweep.segment = segment
  for _, name in ipairs(columns_of(sweep, shape)) do
    if not position[name] then
      write_part(sweep, sweep.key .. 'values:' .. segment .. ':' .. name, row % SEGMENT_ROWS * 8, MISSING, FULL)
    end
  end
end
