-- Which fields of a batch have a column in the sweep table: `columns` of a table in hand are the positions of their names, true when all have.

-- Columns of a session, and how many of them are kept free for the names that always have one.
local MOST_COLUMNS, RESERVED = 500, 20
local MOST_OMITTED, MOST_SHAPES = 1000, 10000

-- Give columns to the names that have none, as long as there are any left; return the set of the batch's names with a column.
local function with_columns(sweep)
  local key, names, found, added, left_out = sweep.key, sweep.names, {}, {}, {}
  local count = sweep.is_new and 0 or redis.call('SCARD', key .. 'columns')
  local is_there = count > 0 and redis.call('SMISMEMBER', key .. 'columns', unpack(names)) or {}
  for i, name in ipairs(names) do
    local most = i <= sweep.always and MOST_COLUMNS or MOST_COLUMNS - RESERVED
    if is_there[i] == 1 then found[name] = true
    elseif count < most then
      found[name], count = true, count + 1
      added[#added + 1] = name
    else left_out[#left_out + 1] = name end
  end
  if #added > 0 then redis.call('SADD', key .. 'columns', unpack(added)) end
  if #left_out > 0 then
    local room = MOST_OMITTED - redis.call('SCARD', key .. 'omitted')
    if room > 0 then redis.call('SADD', key .. 'omitted', unpack(left_out, 1, math.min(room, #left_out))) end
  end
  return found
end

-- The names in a shape's text that have a column, as a text.
local function kept_of(text, is_column)
  local kept, is_whole = {}, true
  for _, name in ipairs(cjson.decode(text)) do
    if is_column[name] then kept[#kept + 1] = name else is_whole = false end
  end
  return is_whole and text or cjson.encode(kept)
end

-- Store texts beside their codes as far as there is room; those of statuses in any case.
local function store_texts(sweep)
  local texts, key = sweep.new_texts, sweep.key .. 'texts'
  if #texts == 0 then return end
  local room = 2 * math.max(0, MOST_TEXTS - (sweep.is_new and 0 or redis.call('HLEN', key)))
  -- Lua's stack ends at some 8,000.
  for first = 1, math.min(#texts, room), 2000 do redis.call('HSET', key, unpack(texts, first, math.min(first + 1999, #texts, room))) end
  for i = room + 1, 2 * sweep.new_statuses, 2 do redis.call('HSET', key, texts[i], texts[i + 1]) end
end

-- Store what is new of the batch's shapes and texts, once; `columns` is there afterwards.
local function settle_columns(sweep)
  if sweep.columns then return end
  store_texts(sweep)
  local known, is_column = sweep.known, nil
  if sweep.is_new or sweep.has_new_shapes then
    is_column = with_columns(sweep)
    local new = {}
    local room = MOST_SHAPES - (sweep.is_new and 0 or redis.call('HLEN', sweep.key .. 'shapes'))
    for i, digest in ipairs(sweep.digests) do
      if digest ~= ANY and not known[digest] then
        local text = kept_of(sweep.shape_texts[i], is_column)
        if room > 0 then
          new[#new + 1], new[#new + 2] = digest, text
          known[digest], room = text, room - 1
        else sweep.digests[i] = ANY end
      end
    end
    if #new > 0 then redis.call('HSET', sweep.key .. 'shapes', unpack(new)) end
  else
    for i, digest in ipairs(sweep.digests) do
      if known[digest] ~= sweep.shape_texts[i] then
        is_column = {}
        break
      end
    end
    if is_column then
      for _, digest in ipairs(sweep.digests) do
        for _, name in ipairs(cjson.decode(known[digest])) do is_column[name] = true end
      end
    end
  end
  sweep.columns = true
  if not is_column then return end
  local columns = {}
  for i, name in ipairs(sweep.names) do
    if is_column[name] then columns[#columns + 1] = i end
  end
  if #columns < #sweep.names then sweep.columns = columns end
end
