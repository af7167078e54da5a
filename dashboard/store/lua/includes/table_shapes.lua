-- Which fields the runs of a batch have (their shapes), and the texts behind codes, as far as the sweep table knows them.
-- A table in hand (see table_rows.lua) has here: `key` (prefix), names, position (of a name among them), digests, shape_texts, of
-- (number of each operation's shape, nothing when all have the first), known (stored text of a shape, by digest), new_texts.

-- The shape of runs beyond those that are told apart (see table_columns.lua): they may have any column.
local ANY = '*'

-- Texts that are stored beside their codes; and how many there are of a batch, or bytes of all, where it is first looked whether there is
-- room for any.
local MOST_TEXTS, MANY_TEXTS, MANY_BYTES = 10000, 20, 800

local function digest_at(sweep, number)
  return sweep.digests[sweep.of and sweep.of[number] or 1]
end

-- What is not stored yet of codes and texts in turn, those of `statuses` statuses first; and how many of these are left.
local function missing_texts(key, texts, statuses)
  local missing, new_statuses, count = {}, 0, #texts
  -- Without room for more, those of statuses alone are stored.
  if count > 2 * MANY_TEXTS and redis.call('HLEN', key .. 'texts') >= MOST_TEXTS then count = 2 * statuses end
  -- Lua's stack ends at some 8,000.
  for first = 1, count, 2000 do
    local codes = {}
    for i = first, math.min(first + 1998, count), 2 do codes[#codes + 1] = texts[i] end
    for i, text in ipairs(redis.call('HMGET', key .. 'texts', unpack(codes))) do
      local place = first + 2 * (i - 1)
      if not text then
        missing[#missing + 1], missing[#missing + 2] = texts[place], texts[place + 1]
        if place < 2 * statuses then new_statuses = new_statuses + 1 end
      end
    end
  end
  return missing, new_statuses
end

-- Take the batch's texts, and how many of them are statuses, from the JSON that tells of them, if they are not there already. Without
-- room for more, those of statuses alone are stored: they come first, and to decode the others takes longer than all else that is told.
local function take_texts(sweep)
  local told = sweep.told_texts
  if not told then return end
  if #told > MANY_BYTES and not sweep.is_new and redis.call('HLEN', sweep.key .. 'texts') >= MOST_TEXTS then
    local stop = 0
    for _ = 1, 4 * string.match(told, '^%[(%d+)') do stop = string.find(told, '"', stop + 1, true) end
    local first = string.sub(told, 1, stop) .. ']'
    if stop > 0 and not string.find(first, '\\', 1, true) then told = first end
  end
  sweep.texts = cjson.decode(told)
  sweep.statuses = table.remove(sweep.texts, 1)
end

-- Read what is known of the batch's shapes and texts; look at every key that may be written.
local function read_shapes(sweep)
  take_texts(sweep)
  local key, known = sweep.key, {}
  sweep.known, sweep.new_texts, sweep.new_statuses = known, sweep.texts, sweep.statuses
  if sweep.is_new or #sweep.digests == 0 then return end
  for i, text in ipairs(redis.call('HMGET', key .. 'shapes', unpack(sweep.digests))) do
    if text then known[sweep.digests[i]] = text else sweep.has_new_shapes = true end
  end
  if sweep.has_new_shapes then
    redis.call('SCARD', key .. 'columns')
    redis.call('SCARD', key .. 'omitted')
  end
  sweep.new_texts, sweep.new_statuses = missing_texts(key, sweep.texts, sweep.statuses)
end

-- The columns that a run of this shape may have a value in.
local function columns_of(sweep, digest)
  local found = sweep.columns_by_shape[digest]
  if not found then
    local text = sweep.known[digest] or (digest ~= ANY and redis.call('HGET', sweep.key .. 'shapes', digest))
    found = text and cjson.decode(text) or redis.call('SMEMBERS', sweep.key .. 'columns')
    sweep.columns_by_shape[digest] = found
  end
  return found
end

-- The position of each name among those of the batch.
local function positions_of(sweep)
  if not sweep.position then
    sweep.position = {}
    for i, name in ipairs(sweep.names) do sweep.position[name] = i end
  end
  return sweep.position
end
