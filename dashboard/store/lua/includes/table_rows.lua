-- The sweep table of a session: what a batch of runs changes in it, gathered until it is flushed (table_places.lua). Every key is
-- under ARGV[14]; keys.py says what each holds.

local SEGMENT_ROWS, FULL = 4080, 8 * 4080
local MISSING = string.rep('\0', 8)

-- Open the table of a session; `hashes` are the runs of the batch. Nothing is changed yet.
local function open_table(keys, stats, hashes)
  local told = cjson.decode(ARGV[17])
  local sweep = {
    stats = keys.stats, is_new = not stats.table, generation = stats.table or ARGV[10], rows = tonumber(stats.rows or 0), names = cjson.decode(ARGV[15]),
    values = ARGV[16], texts = cjson.decode(ARGV[18]), digests = told.digests, shape_texts = told.names or {ARGV[15]}, of = told.of,
    always = told.always, count = (#ARGV - FIRST_RUN + 1) / 9, pending = {}, places = {}, columns_by_shape = {}, free = 0,
  }
  sweep.key = ARGV[14] .. sweep.generation .. ':'
  sweep.width = tonumber(stats.width or 0)
  if sweep.is_new then
    local longest = 16
    for _, hash in ipairs(hashes) do longest = math.max(longest, #hash) end
    sweep.width = math.min(64, 8 * math.ceil(longest / 8))
  else
    for i, place in ipairs(redis.call('HMGET', sweep.key .. 'places', unpack(hashes))) do
      if place then
        local row, shape = string.match(place, '^(%d+) (%S+)$')
        if row then sweep.places[hashes[i]] = {row = tonumber(row), shape = shape} end
      end
    end
    redis.call('ZCARD', sweep.key .. 'changes')
    redis.call('ZCARD', sweep.key .. 'moved')
    redis.call('HLEN', sweep.key .. 'long')
    sweep.free = redis.call('SCARD', sweep.key .. 'free')
  end
  read_shapes(sweep)
  return sweep
end

-- Have the row of a run written, or freed, when the batch is flushed; `number` is the operation's.
local function change_row(sweep, number, hash, is_gone)
  sweep.pending[#sweep.pending + 1] = {number = number, hash = hash, is_gone = is_gone}
end

-- Whether the table says of a run what the operation of this number says.
local function has_row(sweep, number, hash)
  local place, digest = sweep.places[hash], digest_at(sweep, number)
  if not place or place.shape ~= digest or not sweep.known[digest] then return false end
  local position = positions_of(sweep)
  local key, at = sweep.key .. 'values:' .. math.floor(place.row / SEGMENT_ROWS) .. ':', place.row % SEGMENT_ROWS * 8
  for _, name in ipairs(columns_of(sweep, digest)) do
    local first = 8 * ((position[name] - 1) * sweep.count + number - 1)
    local found = redis.pcall('GETRANGE', key .. name, at, at + 7)
    if type(found) ~= 'string' or found .. string.sub(MISSING, #found + 1) ~= string.sub(sweep.values, first + 1, first + 8) then
      return false
    end
  end
  return true
end
