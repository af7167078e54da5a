-- The sweep table of a build, brought up to date run by run as its indexes are (see shadow.lua); options.table says of it: tables
-- (prefix of every generation's keys), generation, always (names that have a column in any case).

-- Revision of what nobody has read yet.
local UNREAD = 0
-- Values that one call copies at most: two commands each.
local MOST_COPIED = 1000

local function prefix_of(options, generation)
  return options.table.tables .. generation .. ':'
end

-- Write rows of the table made, or free them: `found` as take_told gives it, runs a list of {hash, is_gone}, an operation each.
local function change_made(made, options, found, runs)
  local stats, hashes = redis.call('HMGET', made.stats, 'rows', 'width'), {}
  for i, run in ipairs(runs) do hashes[i] = run.hash end
  found.stats, found.is_new, found.generation = made.stats, not stats[2], options.table.generation
  found.rows, found.width, found.count = tonumber(stats[1] or 0), tonumber(stats[2] or 0), #runs
  found.key, found.is_freeing = prefix_of(options, options.table.generation), true
  local sweep = open_table(found, hashes)
  for i, run in ipairs(runs) do change_row(sweep, i, run.hash, run.is_gone) end
  flush_table(sweep, UNREAD)
  if sweep.rows > 0 then
    redis.call('HSET', made.stats, 'table', sweep.generation, 'rows', sweep.rows, 'width', sweep.width)
  end
end

-- The prefix of the table in use, nothing when there is none.
local function used_table(used, options)
  local generation = redis.pcall('HGET', used.stats, 'table')
  return type(generation) == 'string' and prefix_of(options, generation) or nil
end

-- How many runs one call may take over.
local function most_carried(used, options, count)
  local key = used_table(used, options)
  local columns = key and redis.pcall('SCARD', key .. 'columns')
  if type(columns) ~= 'number' or columns == 0 then return count end
  return math.max(1, math.min(count, math.floor(MOST_COPIED / columns)))
end

-- The names of a shape's fields, and its text; nothing when the table in use does not know it.
local function used_shape(key, digest)
  local text = digest ~= ANY and redis.pcall('HGET', key .. 'shapes', digest)
  if type(text) == 'string' then
    local is_json, names = pcall(cjson.decode, text)
    if is_json and type(names) == 'table' then return names, text end
  end
  local names = redis.pcall('SMEMBERS', key .. 'columns')
  return not names.err and names or {}, nil
end

-- Where the table in use has the runs: a list of {hash, is_gone, row, digest, names, text}. Those that it does not have are put down
-- to be read from their records, and so are all where it has no column for some of their fields.
local function used_places(key, made, runs)
  local hashes, found, shapes = {}, {}, {}
  for i, run in ipairs(runs) do hashes[i] = run.hash end
  local places = key and redis.pcall('HMGET', key .. 'places', unpack(hashes)) or {}
  local omitted = key and redis.pcall('SCARD', key .. 'omitted') or 0
  for i, run in ipairs(runs) do
    local row, digest
    if not run.is_gone and type(places[i]) == 'string' then row, digest = string.match(places[i], '^(%d+) (%S+)$') end
    if not run.is_gone and (not row or omitted ~= 0) then redis.call('SADD', made.heard, run.hash) end
    if row then
      if not shapes[digest] then
        local names, text = used_shape(key, digest)
        shapes[digest] = {names = names, text = text, digest = text and omitted == 0 and digest or ANY}
      end
      run.row, run.shape = tonumber(row), shapes[digest]
    end
    if row or run.is_gone then found[#found + 1] = run end
  end
  return found
end

-- The names of the fields of some runs, those first that have a column in any case, and how many these are.
local function names_of(options, runs)
  local is_there, names = {}, {}
  for _, run in ipairs(runs) do
    for _, name in ipairs(run.shape and run.shape.names or {}) do is_there[name] = true end
  end
  for _, name in ipairs(options.table.always) do
    if is_there[name] then
      names[#names + 1], is_there[name] = name, nil
    end
  end
  local always = #names
  for name in pairs(is_there) do names[#names + 1] = name end
  return names, always
end
