-- The tail of the sweep table: the values of runs that were written alone (see write_run.lua), a run under its hash, as one text. The next
-- batch writes them into the columns, where each takes a command of its own, and the hashes of new ones beside them; these have their
-- place already. Runs are counted in the hash of stats (in_tail) as they are put there.
-- An entry is: row, revision, number of fields, digest of their names, a line feed; 8 bytes a field, in the order of their names; JSON
-- of the texts among the values (see write_runs.lua); a line feed and JSON of the names, where they come in another order than the
-- shape's (table_shapes.lua). No more than the tail's own script puts there are ever in it.

-- The entries, in the order of their rows: a list of {hash, row, revision, values, texts, names (JSON)}; nothing of what is no entry.
local function tail_entries(sweep)
  local flat, entries, shapes = redis.call('HGETALL', sweep.key .. 'tail'), {}, {}
  for i = 2, #flat, 2 do
    local text = flat[i]
    local row, revision, count, digest, first = string.match(text, '^(%d+) (%d+) (%d+) (%S+)\n()')
    if row then
      local rest = string.sub(text, first + 8 * count)
      local texts, names = string.match(rest, '^([^\n]*)\n(.+)$')
      if not names then
        texts, names = rest, shapes[digest] or redis.call('HGET', sweep.key .. 'shapes', digest)
        shapes[digest] = names
      end
      if names then
        entries[#entries + 1] = {
          hash = flat[i - 1], row = tonumber(row), revision = tonumber(revision), values = string.sub(text, first, first + 8 * count - 1),
          texts = texts, names = names,
        }
      end
    end
  end
  table.sort(entries, function(a, b) return a.row < b.row end)
  return entries
end

-- The texts of entries that are not stored yet, those of statuses first; and how many these are.
local function texts_of_entries(entries)
  local statuses, others, is_there = {}, {}, {}
  for _, entry in ipairs(entries) do
    local texts = cjson.decode(entry.texts)
    for i = 2, #texts, 2 do
      local code = texts[i]
      if not is_there[code] then
        local list = i < 2 * texts[1] + 2 and statuses or others
        list[#list + 1], list[#list + 2], is_there[code] = code, texts[i + 1], true
      end
    end
  end
  local count = #statuses
  for _, text in ipairs(others) do statuses[#statuses + 1] = text end
  return statuses, count / 2
end

-- Write down the hashes of entries whose rows follow each other, unless they stand there; tell whether they do not.
local function write_hashes(sweep, entries, from, to)
  local hashes, width, row = {}, sweep.width, entries[from].row
  for place = from, to do hashes[place - from + 1] = padded(width, entries[place].hash) end
  local key, at, text = sweep.key .. 'hashes:' .. sweep.segment, row % SEGMENT_ROWS * width, table.concat(hashes)
  if redis.pcall('GETRANGE', key, at, at + #text - 1) == text then return false end
  write_part(sweep, key, at, text, SEGMENT_ROWS * width)
  return true
end

-- Write entries whose rows follow each other, and whose names are the same, from one on; return the place of the next. The segment is
-- put down among those that are `moved` if any of them is new.
local function write_entries(sweep, entries, from, moved)
  local first = entries[from]
  local segment, past = math.floor(first.row / SEGMENT_ROWS), from
  repeat
    past = past + 1
    local entry = entries[past]
  until not entry or entry.row ~= first.row + past - from or entry.row % SEGMENT_ROWS == 0 or entry.names ~= first.names
  sweep.segment = segment
  local prefix, at, parts = sweep.key .. 'values:' .. segment .. ':', first.row % SEGMENT_ROWS * 8, {}
  for i, name in ipairs(cjson.decode(first.names)) do
    for place = from, past - 1 do parts[place - from + 1] = string.sub(entries[place].values, 8 * i - 7, 8 * i) end
    write_part(sweep, prefix .. name, at, table.concat(parts), FULL)
  end
  if write_hashes(sweep, entries, from, past - 1) then moved[segment] = true end
  return past
end

-- Have the columns say what the tail says, and empty it. Readers are told by the revisions that the runs were written with.
local function fold_tail(sweep)
  local entries = sweep.is_new and {} or tail_entries(sweep)
  if #entries == 0 then return end
  local changed, moved, recent, latest, from = {}, {}, {}, 0, 1
  for _, entry in ipairs(entries) do
    changed[math.floor(entry.row / SEGMENT_ROWS)], latest = true, math.max(latest, entry.revision)
    recent[#recent + 1], recent[#recent + 2] = string.format('%.0f', entry.revision), entry.row
  end
  redis.call('ZCARD', sweep.key .. 'moved')
  latest = string.format('%.0f', latest)
  -- First of all, as a server that is out of memory refuses it; an error of a column is taken for something else there.
  note_segments(sweep.key .. 'changes', changed, latest)
  add_recent(sweep, recent)
  local found = {key = sweep.key}
  found.new_texts, found.new_statuses = missing_texts(sweep.key, texts_of_entries(entries))
  store_texts(found)
  while from <= #entries do from = write_entries(sweep, entries, from, moved) end
  note_segments(sweep.key .. 'moved', moved, latest)
  redis.call('DEL', sweep.key .. 'tail')
end
