-- A batch of operations: what is known of its runs, and what they change, gathered until it is flushed.

-- Look at every status that a run may be filed under, not those alone that the batch names.
local function look_at_all(batch)
  local keys, places = batch.keys, batch.places
  for _, status in ipairs({'completed', 'failed', 'running'}) do look_at_status(keys, places, status) end
  for _, status in ipairs(batch.options.statuses or {}) do look_at_status(keys, places, status) end
  for _, field in ipairs(redis.call('HKEYS', keys.stats)) do
    if string.sub(field, 1, 2) == 'n:' then look_at_status(keys, places, string.sub(field, 3)) end
  end
end

-- Read what the indexes say of the runs, and look at every key that will be written: nothing may fail once something is changed.
local function begin_batch(options, keys)
  local batch = {
    options = options, keys = keys, states = {}, figures = {}, places = session_places(keys), texts = {}, rows = {}, events = {},
    is_gathered = {},
  }
  redis.call('XLEN', keys.events)
  if keys.list and not options.quiet then check_change_types(keys.list, keys.sid) end
  local states, hashes, is_thorough, added = batch.states, {}, false, {}
  for i = 2, #ARGV, 9 do
    local operation, hash, status = ARGV[i], ARGV[i + 1], ARGV[i + 5]
    if operation ~= 'put' and operation ~= 'edit' then is_thorough = true end
    if status ~= '' then look_at_status(keys, batch.places, status) end
    if not states[hash] then
      hashes[#hashes + 1] = hash
      states[hash] = true
    end
  end
  read_states(keys, states, hashes)
  for hash, state in pairs(states) do
    if state.status then look_at_status(keys, batch.places, state.status)
    elseif state.row or state.is_stray then is_thorough = true end
    if not state.row then added[#added + 1] = options.run .. hash end
  end
  if is_thorough then look_at_all(batch) end
  -- Whether there is a record of a run that no row tells of: of another program's, or lost.
  batch.has_foreign = #added > 0 and redis.call('EXISTS', unpack(added)) > 0
  return batch
end

-- Write what is gathered. Each run is gathered once: one that comes again in a batch has the rest flushed first.
local function flush(batch)
  -- Texts first: a server that is out of memory refuses these, and nothing at all once a script has changed something.
  if #batch.texts > 0 then redis.call('MSET', unpack(batch.texts)) end
  if #batch.rows > 0 then redis.call('HSET', batch.keys.rows, unpack(batch.rows)) end
  flush_places(batch.places)
  batch.texts, batch.rows, batch.is_gathered = {}, {}, {}
end

local function tell(batch, name, hash, status, profit)
  batch.events[#batch.events + 1] = {name, hash, status, profit}
end

-- Number the events from a revision on and add them to the stream, which is cut to its length by the last; return the last revision.
local function add_events(batch, revision)
  local key, last, text = batch.keys.events, #batch.events, ''
  for i, event in ipairs(batch.events) do
    text = string.format('%.0f', revision + i)
    if batch.options.quiet then -- nobody is told
    elseif i < last then
      redis.call('XADD', key, '*', 'event', event[1], 'configHash', event[2], 'status', event[3], 'profit', event[4], 'revision', text)
    else
      redis.call('XADD', key, 'MAXLEN', '~', batch.options.events, '*', 'event', event[1], 'configHash', event[2], 'status', event[3],
        'profit', event[4], 'revision', text)
    end
  end
  return text
end
