-- Room for one run in the tail of the sweep table (see table_tail.lua).

-- Runs put since the tail was last empty, and values of them, some 3 ms in the columns.
local MOST_IN_TAIL, MOST_VALUES = 32, 1600

-- The row of a run, and the names of its fields where these come in another order than its shape's; nothing where one of them has no
-- column, a known run has had other fields so far, a new one's hash is too long or a freed row is to be given out to it, or the tail has no
-- room. `is_known` tells of the list, which has so many runs; of the table are known rows, width and in_tail, the runs put there.
local function room_for(sweep, known, hash, digest, names, count, is_known, runs)
  local in_tail = (known.in_tail or 0) + 1
  if in_tail > MOST_IN_TAIL or in_tail * count > MOST_VALUES then return nil end
  local shape, row = redis.call('HGET', sweep .. 'shapes', digest), known.rows
  if not shape or #shape ~= #names then return nil end
  if is_known then
    local at, had = string.match(redis.call('HGET', sweep .. 'places', hash) or '', '^(%d+) (%S+)$')
    if had ~= digest then return nil end
    row = at
  -- No row is free where the session has as many runs as rows.
  elseif #hash > tonumber(known.width) or (runs ~= tonumber(row) and redis.call('SCARD', sweep .. 'free') > 0) then return nil end
  return {row = row, in_tail = in_tail, names = shape == names and '' or '\n' .. names}
end
