-- Batches that only put runs, each once. Most of the runs are known then: there are rows of ours, with a profit as before, in the same
-- status. What `put` does with any run (run_operations.lua) is done with these in one loop that calls hardly a function: a batch has a
-- hundred of them, and a call takes longer than what most functions do. With every other run of the batch `put` does it.

-- Have everything at hand that `put` asks of a run.
local function look_at_run(batch, number, hash)
  local keys, places = batch.keys, batch.places
  if not batch.states.found[number] then return end
  local status = recall(batch.states, number, hash)
  if status and places.statuses[status] then return end
  if status then look_at_status(keys, places, status) else look_at_all(batch) end
  look_behind(places)
end

-- Have the rows written in the sweep table of all runs but those that were skipped; return the hashes.
local function change_but(batch, skipped)
  local sweep, hashes, changed = batch.sweep, batch.hashes, {}
  if not skipped and sweep.first_row then
    sweep.is_all = true
    return hashes
  end
  if sweep.first_row then find_rows(sweep) end
  for number, hash in ipairs(hashes) do
    if not (skipped and skipped[number]) then
      changed[#changed + 1] = hash
      change_row(sweep, number, hash)
    end
  end
  return changed
end

-- Put the runs; put down the code of each among the answers, and return the hashes of those that were changed.
local function put_all(batch, answer)
  local ARGV, find, sub = ARGV, string.find, string.sub
  local options, places, found, hashes, trays = batch.options, batch.places, batch.states.found, batch.hashes, {}
  local run, run_trades, texts, rows, text_count, row_count = options.run, options.trades, {}, {}, 0, 0
  local skipped, revision, is_told, entry, events, told, most = nil, batch.revision, not options.quiet, nil, nil, 0, TEXTS * CHANGES
  local tray, current, head, ranks, kept, removed, added, count
  for number = 1, #hashes do
    local at, hash, old = FIRST_RUN + 9 * number - 9, hashes[number], found[number]
    local status, profit, row = ARGV[at + 5], ARGV[at + 6], ARGV[at + 8]
    local before, stop
    if status ~= current then
      if tray then tray.count = count end
      tray, current = tray_of(batch, trays, status), status
      head, ranks, kept, removed, added, count = tray.head, tray.ranks, tray.hashes, tray.removed, tray.added, tray.count
    end
    if head and old and old ~= row and profit ~= '' then
      local from = #hash + 16
      local first, last = find(old, head, from, true)
      if first == from then
        stop = find(old, ',', last, true)
        local text = sub(old, last + 1, stop - 1)
        if text ~= 'null' then before = text + 0 end
      end
    end
    if before then
      local trades, updated = ARGV[at + 4], ARGV[at + 7]
      count, revision = count + 1, revision + 1
      texts[text_count + 1], texts[text_count + 2], text_count = run .. hash, ARGV[at + 3], text_count + 2
      if trades ~= '' then texts[text_count + 1], texts[text_count + 2], text_count = run_trades .. hash, trades, text_count + 2 end
      rows[row_count + 1], rows[row_count + 2], row_count = hash, row, row_count + 2
      ranks[2 * count - 1], ranks[2 * count], kept[count], removed[count], added[count] = profit, hash, hash, before, profit + 0
      if updated == '' or not find(old, '"lastUpdated":' .. updated .. ',', stop, true) then
        rank_run(places, tray.of_status, 'updated', 'undated', hash, updated)
      end
      if is_told then
        if told == most or not entry then
          if entry then entry.count = CHANGES end
          entry, told = begin_entry(batch, revision, true), 0
          events = entry.texts
        end
        events[told + 1], events[told + 2], events[told + 3], events[told + 4], told = 'run', hash, status, profit, told + TEXTS
      end
      answer[number + 1] = 2
    else
      batch.revision = revision
      if entry then entry.count = told / TEXTS end
      look_at_run(batch, number, hash)
      local code = put(batch, 'put', hash, '', ARGV[at + 3], ARGV[at + 4], status, profit, ARGV[at + 7], row)
      answer[number + 1], revision = code, batch.revision
      if code <= 0 then
        skipped = skipped or {}
        skipped[number] = true
      end
      entry = batch.entries[#batch.entries]
      if entry then events, told = entry.texts, TEXTS * entry.count end
    end
  end
  if tray then tray.count = count end
  batch.revision = revision
  if entry then entry.count = told / TEXTS end
  for _, each in pairs(trays) do empty_tray(places, each) end
  batch.texts, batch.rows = joined(texts, batch.texts), joined(rows, batch.rows)
  batch.text_count, batch.row_count = #batch.texts, #batch.rows
  return change_but(batch, skipped)
end
