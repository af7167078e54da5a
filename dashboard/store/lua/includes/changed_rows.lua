-- Rows of the sweep table that were changed, read one by one; see note_rows in table_changes.lua, which logs them.

-- Rows of one segment from which on it is cheaper to read it whole, and values that are read one by one: some 2 ms.
local MANY_ROWS, MOST_VALUES = 20, 2000

-- The rows changed since a revision, nothing where they are not all known, or not to be read one by one.
local function rows_since(key, revision, segments, fields)
  local since = '(' .. revision
  local count = redis.call('ZCOUNT', key, since, '+inf')
  if count == 0 or count > MANY_ROWS * segments or count * (fields + 1) > MOST_VALUES then return nil end
  -- What came before the first that is there is not there any more.
  if redis.call('ZCOUNT', key, '-inf', revision) == 0 then return nil end
  return redis.call('ZRANGEBYSCORE', key, since, '+inf')
end

-- The segment of each row, and its place there from 0.
local function places_of(rows)
  local segments, places = {}, {}
  for i, text in ipairs(rows) do
    places[i] = text % SEGMENT_ROWS
    segments[i] = (text - places[i]) / SEGMENT_ROWS
  end
  return segments, places
end

-- A text of what each row has in strings of so many bytes a row; the name of a string is this prefix, its segment, this suffix.
local function parts_of_rows(segments, places, prefix, suffix, size)
  local call, parts, names, empty = redis.call, {}, {}, string.rep('\0', size)
  for i, segment in ipairs(segments) do
    local name, at = names[segment], places[i] * size
    if not name then
      name = prefix .. segment .. suffix
      names[segment] = name
    end
    local part = call('GETRANGE', name, at, at + size - 1)
    parts[i] = #part == size and part or part .. string.sub(empty, #part + 1)
  end
  return table.concat(parts)
end
