-- The sweep table of a session: what a batch of runs changes in it, gathered until it is flushed (table_places.lua). Every key is
-- under one prefix; keys.py says what each holds.

local SEGMENT_ROWS, FULL = 4080, 8 * 4080
local MISSING = string.rep('\0', 8)

-- Open a table; `found` (of write_runs, of a build's) has stats (key of the hash that names it), is_new, generation, rows, width, key
-- (prefix of its own keys), count (of operations) and what is told of them: names, values, digests, shape_texts, of, always, texts,
-- statuses (how many of the texts), is_freeing (whether rows may be freed), may_follow (whether first_row is of use). `hashes` are the
-- runs. Nothing is changed yet.
-- It then has of the runs row_of and shape_of (by hash, as far as it has them), of the operations that are gathered their numbers
-- (pending) and, by number, hash_of and is_gone; and first_row, if the runs have rows in their order,
-- in their shapes: `is_all` has all of them written.
local function open_table(found, hashes)
  found.pending, found.hash_of, found.is_gone, found.row_of, found.shape_of = {}, {}, {}, {}, {}
  found.pending_count = 0
  found.columns_by_shape, found.free, found.recent = {}, 0, 0
  if found.is_new then
    local longest = 16
    for _, hash in ipairs(hashes) do longest = math.max(longest, #hash) end
    found.width = math.min(64, 8 * math.ceil(longest / 8))
  else
    local places, is_moving = redis.call('HMGET', found.key .. 'places', unpack(hashes)), found.is_freeing
    found.hashes, found.places, found.first_row = hashes, places, found.may_follow and first_of(found, places)
    if not found.first_row and not find_rows(found) then is_moving = true end
    redis.call('ZCARD', found.key .. 'changes')
    found.recent = redis.call('ZCARD', found.key .. 'recent')
    -- Where all runs keep their rows these are left alone.
    if is_moving then
      redis.call('ZCARD', found.key .. 'moved')
      redis.call('HLEN', found.key .. 'long')
      found.free = redis.call('SCARD', found.key .. 'free')
    end
  end
  read_shapes(found)
  return found
end

-- Values that are written one by one in a call, unless it has one run alone: some 3 ms. Python keeps to it where the rows may lie
-- anywhere (BATCH_CELLS in indexing.py).
local MOST_APART = 3000

-- Whether rows of the batch lie apart, so that more values would have to be written one by one. New rows follow each other, unless
-- they are those of deleted runs.
local function is_apart(sweep, hashes)
  if sweep.count * #sweep.names <= MOST_APART then return false end
  -- A run that comes again is written again.
  local pieces, next_row, free, last = sweep.count - #hashes, sweep.rows, sweep.free, nil
  for _, hash in ipairs(hashes) do
    local row = sweep.row_of[hash]
    if not row and free > 0 then free = free - 1
    elseif not row then row, next_row = next_row, next_row + 1 end
    if not row or row - 1 ~= last then pieces = pieces + 1 end
    last = row
  end
  return pieces > 1 and pieces * #sweep.names > MOST_APART
end

-- What four arguments, from `first` on, tell of operations (see write_runs.lua), put into a table that is to be opened.
local function take_told(found, first)
  local told = cjson.decode(ARGV[first + 2])
  found.names, found.values, found.told_texts = cjson.decode(ARGV[first]), ARGV[first + 1], ARGV[first + 3]
  found.digests, found.shape_texts, found.of, found.always = told.digests, told.names or {ARGV[first]}, told.of, told.always
  return found
end

-- Have the row of a run written, or freed, when the batch is flushed; `number` is the operation's.
local function change_row(sweep, number, hash, is_gone)
  local count = sweep.pending_count + 1
  sweep.pending[count], sweep.pending_count = number, count
  sweep.hash_of[number] = hash
  if is_gone then sweep.is_gone[number] = true end
end

-- Whether the table says of a run what the operation of this number says.
local function has_row(sweep, number, hash)
  local row, digest = sweep.row_of[hash], digest_at(sweep, number)
  if not row or sweep.shape_of[hash] ~= digest or not sweep.known[digest] then return false end
  local position = positions_of(sweep)
  local key, at = sweep.key .. 'values:' .. math.floor(row / SEGMENT_ROWS) .. ':', row % SEGMENT_ROWS * 8
  for _, name in ipairs(columns_of(sweep, digest)) do
    local first = 8 * ((position[name] - 1) * sweep.count + number - 1)
    local found = redis.pcall('GETRANGE', key .. name, at, at + 7)
    if type(found) ~= 'string' or found .. string.sub(MISSING, #found + 1) ~= string.sub(sweep.values, first + 1, first + 8) then
      return false
    end
  end
  return true
end
