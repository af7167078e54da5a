-- Copying rows from the sweep table in use to the one that a build makes (see shadow_table.lua): what our writers wrote meanwhile
-- stands there as the records say it.

-- The value of a field, and its code when it is a text: see bots_app/table/values.py.
local function value_at(key, name, row)
  local at = row % SEGMENT_ROWS * 8
  local value = redis.pcall('GETRANGE', key .. 'values:' .. math.floor(row / SEGMENT_ROWS) .. ':' .. name, at, at + 7)
  if type(value) ~= 'string' then return MISSING end
  value = value .. string.sub(MISSING, #value + 1)
  local a, b, c, d, e, f, g, h = string.byte(value, 1, 8)
  if h ~= 0 or g < 4 or g > 7 then return value end
  return value, string.format('%.0f', a + 256 * (b + 256 * (c + 256 * (d + 256 * (e + 256 * (f + 256 * g))))))
end

-- The texts of codes as take_told gives them, those of statuses first, as far as the table in use knows them.
local function texts_of(key, statuses, others)
  local texts, count = {}, 0
  for _, codes in ipairs({statuses, others}) do
    local found = #codes > 0 and redis.pcall('HMGET', key .. 'texts', unpack(codes)) or {}
    for i, code in ipairs(codes) do
      if type(found[i]) == 'string' then texts[#texts + 1], texts[#texts + 2] = code, found[i] end
    end
    if codes == statuses then count = #texts / 2 end
  end
  return texts, count
end

-- Have the table made say of some runs what the one in use says: a list of {hash, is_gone}.
local function copy_rows(used, made, options, runs)
  local key = used_table(used, options)
  local placed = used_places(key, made, runs)
  if #placed == 0 then return end
  local names, always = names_of(options, placed)
  local parts, is_known, statuses, others = {}, {}, {}, {}
  for _, name in ipairs(names) do
    for _, run in ipairs(placed) do
      local value, code = MISSING, nil
      if run.row then value, code = value_at(key, name, run.row) end
      parts[#parts + 1] = value
      if code and not is_known[code] then
        local codes = name == 'status' and statuses or others
        codes[#codes + 1], is_known[code] = code, true
      end
    end
  end
  local found = {names = names, values = table.concat(parts), digests = {}, shape_texts = {}, of = {}, always = always}
  for i, run in ipairs(placed) do
    found.of[i] = 0
    if run.shape then
      if not run.shape.number then
        local number = #found.digests + 1
        found.digests[number], found.shape_texts[number], run.shape.number = run.shape.digest, run.shape.text or '[]', number
      end
      found.of[i] = run.shape.number
    end
  end
  found.texts, found.statuses = texts_of(key, statuses, others)
  change_made(made, options, found, placed)
end
