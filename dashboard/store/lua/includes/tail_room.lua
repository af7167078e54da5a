-- Room for one run in the tail of the sweep table (see table_tail.lua).

local SEGMENT_ROWS, MOST_GROWN = 4080, 8192
-- Runs of the tail, and values of all of them, some 3 ms in the columns.
local MOST_IN_TAIL, MOST_VALUES = 32, 1600

-- The next row of the table for a new run, and what is to be written of its hash; nothing where a freed row is to be given out, a string
-- is to be begun or to be made whole, or the hash is too long.
local function next_row(sweep, hash, row, width)
  local segment, place = math.floor(row / SEGMENT_ROWS), row % SEGMENT_ROWS
  local name, size = sweep .. 'hashes:' .. segment, place * width
  -- Those of other segments are whole once they are begun, that of the first one when it has grown so long: see table_parts.lua.
  local is_whole = place > 0 and (segment > 0 or size > MOST_GROWN)
  if not is_whole and (segment > 0 or size + width > MOST_GROWN or redis.call('STRLEN', name) ~= size) then return nil end
  if #hash > width or redis.call('SCARD', sweep .. 'free') > 0 then return nil end
  return {row = row, segment = segment, name = name, offset = size, text = hash .. string.rep('\0', width - #hash)}
end

-- Write down the hash of a run that has got its row. Should somebody have put something else there, all is to be built anew.
local function note_row(sweep, stats, room, revision)
  local is_written = type(redis.pcall('SETRANGE', room.name, room.offset, room.text)) == 'number'
  local is_noted = type(redis.pcall('ZADD', sweep .. 'moved', revision, room.segment)) == 'number'
  if not (is_written and is_noted) then redis.call('HDEL', stats, 'built') end
end

-- The row of a run, and the names of its fields where these come in another order than its shape's; nothing where one of them has no
-- column, the run has had other fields so far, or the tail has no room. `row` and `width` are the table's, `is_known` tells of the list.
local function room_for(sweep, hash, digest, names, count, is_known, row, width)
  local shape, in_tail = redis.call('HGET', sweep .. 'shapes', digest), redis.call('HLEN', sweep .. 'tail')
  if not shape or #shape ~= #names or in_tail >= MOST_IN_TAIL or (in_tail + 1) * count > MOST_VALUES then return nil end
  local place, found = redis.call('HGET', sweep .. 'places', hash), nil
  if place then
    local at, known = string.match(place, '^(%d+) (%S+)$')
    if is_known and known == digest then found = {row = at} end
  elseif not is_known then found = next_row(sweep, hash, tonumber(row), tonumber(width)) end
  if found then found.names = shape == names and '' or '\n' .. names end
  return found
end
