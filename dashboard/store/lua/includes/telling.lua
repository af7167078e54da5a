-- What a batch tells in the stream of events, gathered until it is flushed: an entry for each change would cost more than the change's
-- place in any index.

-- The most changes of an entry, and the texts of each; see event_entries.py.
local CHANGES, TEXTS = 32, 4

-- Begin an entry with the change of this revision.
local function begin_entry(batch, revision, is_plain)
  local entry = {revision = revision, count = 0, texts = {}, is_plain = is_plain}
  batch.entries[#batch.entries + 1] = entry
  return entry
end

-- Tell of a run's change, the next revision: those of an entry follow each other.
local function tell(batch, name, hash, status, profit)
  local revision, entries = batch.revision + 1, batch.entries
  batch.revision = revision
  if batch.options.quiet then return end
  local entry = entries[#entries]
  if not entry or entry.count == CHANGES or entry.revision + entry.count ~= revision then entry = begin_entry(batch, revision) end
  local texts, at = entry.texts, TEXTS * entry.count
  texts[at + 1], texts[at + 2], texts[at + 3], texts[at + 4] = name, hash, status, profit
  entry.count, entry.is_plain = entry.count + 1, false
end

-- Keep at least the `most` last changes of batches, and at most twice as many and those of a call: once so many have come after an
-- entry, those before it are dropped, and the next one to be asked is the first of this call.
local function drop_oldest(keys, most, first, count)
  local kept = redis.call('HMGET', keys.stats, 'told', 'told_since')
  local told, since = (tonumber(kept[1]) or 0) + count, kept[2]
  if told < most then
    redis.call('HSET', keys.stats, 'told', told)
    return
  end
  if since and string.find(since, '^%d+%-%d+$') then redis.call('XTRIM', keys.events, 'MINID', '~', since) end
  redis.call('HSET', keys.stats, 'told', 0, 'told_since', first)
end

-- The texts of an entry as JSON; `is_plain` says that none of them has anything that is escaped.
local function changes_of(entry)
  return entry.is_plain and '["' .. table.concat(entry.texts, '","') .. '"]' or cjson.encode(entry.texts)
end

-- Write the entries; of those with one change (of which no count is kept) the server drops the oldest by itself.
local function flush_entries(batch)
  local key, most, first, count = batch.keys.events, batch.options.events, nil, 0
  for _, entry in ipairs(batch.entries) do
    local texts, id = entry.texts, nil
    -- The server writes a number out as a whole one, sooner than `string.format`.
    if entry.count == 1 then
      id = redis.call('XADD', key, 'MAXLEN', '~', most, '*', 'event', texts[1], 'configHash', texts[2], 'status', texts[3],
        'profit', texts[4], 'revision', entry.revision)
    else
      id = redis.call('XADD', key, 'MAXLEN', '~', most, '*', 'revision', entry.revision, 'changes', changes_of(entry))
    end
    first, count = first or id, count + entry.count
  end
  batch.entries = {}
  if count > 1 then drop_oldest(batch.keys, tonumber(most), first, count) end
end
