-- A batch of operations: what is known of its runs, and what they change, gathered until it is flushed.

-- Look at every status that a run may be filed under, not those alone that the batch names.
local function look_at_all(batch)
  local keys, places = batch.keys, batch.places
  for _, status in ipairs(USUAL) do look_at_status(keys, places, status) end
  for _, status in ipairs(batch.options.statuses) do look_at_status(keys, places, status) end
  for _, field in ipairs(redis.call('HKEYS', keys.stats)) do
    if string.sub(field, 1, 2) == 'n:' then look_at_status(keys, places, string.sub(field, 3)) end
  end
end

-- Read what the indexes say of the runs, and look at every key that will be written: nothing may fail once something is changed.
-- Nothing is returned where it takes too many rows apart from each other.
-- Of the first that is written that need not be asked: usually the stream.
local function begin_batch(options, keys, stats)
  local batch = {
    options = options, keys = keys, revision = tonumber(stats.revision or options.now_us), figures = {},
    known_figures = stats.figures, places = session_places(keys), texts = {}, text_count = 0, rows = {}, row_count = 0, entries = {},
  }
  if keys.list and not options.quiet then check_change_types(keys.list, keys.sid) end
  local hashes, is_there, is_thorough, count, last = {}, {}, false, 0, ''
  for i = FIRST_RUN, #ARGV, 9 do
    local operation, hash, status = ARGV[i], ARGV[i + 1], ARGV[i + 5]
    if operation ~= 'put' and operation ~= 'edit' and operation ~= 'fill' then is_thorough = true end
    if status ~= last then
      if status ~= '' then look_at_status(keys, batch.places, status) end
      last = status
    end
    if is_there[hash] then
      -- Of each run one change is gathered; a batch that names it again has the rest flushed first.
      batch.gathered = {}
    else
      count = count + 1
      hashes[count], is_there[hash] = hash, true
    end
  end
  batch.is_single = #hashes == 1 and not is_thorough
  if is_thorough or batch.gathered then redis.call('XLEN', keys.events) end
  local states, added = read_states(keys, hashes), {}
  batch.states = states
  for hash in pairs(states.rows) do
    local status = states.statuses[hash]
    if status then look_at_status(keys, batch.places, status) else is_thorough = true end
  end
  if next(states.strays) then is_thorough = true end
  for i, hash in ipairs(states.rowless) do added[i] = options.run .. hash end
  if is_thorough then look_at_all(batch) end
  -- Whether there is a record of a run that no row tells of: of another program's, or lost.
  local may_be_there = look_behind(batch.places, #added == 1 and added[1] or nil)
  local generation = stats.table or options.now_us
  batch.sweep = open_table(take_told({
    stats = keys.stats, is_new = not stats.table, generation = generation, rows = tonumber(stats.rows or 0),
    width = tonumber(stats.width or 0), key = ARGV[14] .. generation .. ':', count = (#ARGV - FIRST_RUN + 1) / 9,
    is_freeing = is_thorough,
  }, 15), hashes)
  if is_apart(batch.sweep, hashes) then return nil end
  batch.has_foreign = #added > 0 and (#added > 1 or may_be_there) and redis.call('EXISTS', unpack(added)) > 0
  return batch
end

-- Write what is gathered.
local function flush(batch)
  -- Events first, then texts: a server that is out of memory refuses these, and nothing at all once a script has changed something.
  flush_entries(batch)
  if batch.text_count > 0 then redis.call('MSET', unpack(batch.texts)) end
  if batch.row_count > 0 then redis.call('HSET', batch.keys.rows, unpack(batch.rows)) end
  flush_places(batch.places)
  flush_table(batch.sweep, batch.revision)
  batch.texts, batch.text_count, batch.rows, batch.row_count = {}, 0, {}, 0
end

local function flush_before(batch, hash)
  if batch.gathered[hash] then
    flush(batch)
    batch.gathered = {}
  end
  batch.gathered[hash] = true
end
