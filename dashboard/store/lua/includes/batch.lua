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

-- The hashes of the operations, whether each puts a run, and whether any does more than put, edit or fill.
local function operations_of_batch()
  local hashes, is_puts, is_thorough, count = {}, true, false, 0
  for i = FIRST_RUN, #ARGV, 9 do
    local operation = ARGV[i]
    count = count + 1
    hashes[count] = ARGV[i + 1]
    if operation ~= 'put' then
      is_puts = false
      if operation ~= 'edit' and operation ~= 'fill' then is_thorough = true end
    end
  end
  return hashes, is_puts, is_thorough
end

-- The hashes, each once.
local function distinct(hashes)
  local found, is_there, count = {}, {}, 0
  for i = 1, #hashes do
    local hash = hashes[i]
    if not is_there[hash] then
      count = count + 1
      found[count], is_there[hash] = hash, true
    end
  end
  return found
end

local function open_batch_table(stats, hashes, options, is_freeing, may_follow)
  local generation = stats.table or options.now_us
  return open_table(take_told({
    stats = stats.key, is_new = not stats.table, generation = generation, rows = tonumber(stats.rows or 0),
    width = tonumber(stats.width or 0), key = ARGV[14] .. generation .. ':', count = #hashes, is_freeing = is_freeing,
    may_follow = may_follow,
  }, 15), hashes)
end

-- Read what the indexes say of the runs, and look at every key that will be written: nothing may fail once something is changed.
-- Nothing is returned where it takes too many rows apart from each other.
-- Of the first that is written that need not be asked: usually the stream.
local function begin_batch(options, keys, stats, is_careful)
  local batch = {
    options = options, keys = keys, revision = tonumber(stats.revision or options.now_us), figures = {},
    known_figures = stats.figures, places = session_places(keys), texts = {}, text_count = 0, rows = {}, row_count = 0, entries = {},
  }
  if keys.list and not options.quiet then check_change_types(keys.list, keys.sid) end
  local hashes, is_puts, is_thorough = operations_of_batch()
  local is_plain = is_puts and #hashes > 1 and not is_careful
  batch.sweep = open_batch_table(stats, hashes, options, is_thorough, is_plain)
  -- Runs of which the rows follow each other are different ones.
  if not batch.sweep.first_row then
    local each = distinct(hashes)
    -- Of each run one change is gathered; a batch that names it again has the rest flushed first.
    if #each < #hashes then batch.gathered = {} end
    if is_apart(batch.sweep, each) then return nil end
    hashes = each
  end
  for status in pairs(stats.is_named) do look_at_status(keys, batch.places, status) end
  batch.hashes, batch.is_single = hashes, #hashes == 1 and not is_thorough
  batch.is_plain = is_plain and not batch.gathered
  if is_thorough or batch.gathered then redis.call('XLEN', keys.events) end
  local states, added = read_states(keys, hashes), {}
  batch.states = states
  if next(states.strays) then is_thorough = true end
  -- Those of a plain batch are recalled one by one, where that is needed.
  for number = 1, batch.is_plain and 0 or #hashes do
    local status = states.found[number] and recall(states, number, hashes[number])
    if status then look_at_status(keys, batch.places, status) elseif status == nil then is_thorough = true end
  end
  for i, hash in ipairs(states.rowless) do added[i] = options.run .. hash end
  if is_thorough then look_at_all(batch) end
  -- Whether there is a record of a run that no row tells of: of another program's, or lost.
  local may_be_there = look_behind(batch.places, #added == 1 and added[1] or nil)
  batch.has_foreign = #added > 0 and (#added > 1 or may_be_there) and redis.call('EXISTS', unpack(added)) > 0
  fold_tail(batch.sweep)
  return batch
end
