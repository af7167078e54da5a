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
  local skipped, entry, told = nil, nil, options.quiet and -1 or CHANGES
  for number = 1, #hashes do
    local at, hash, old = FIRST_RUN + 9 * number - 9, hashes[number], found[number]
    local status, profit, row = ARGV[at + 5], ARGV[at + 6], ARGV[at + 8]
    local tray, before, stop = trays[status], nil, nil
    if old and old ~= row and profit ~= '' then
      if tray == nil then
        tray = tray_of(batch, status)
        trays[status] = tray
      end
      if tray then
        local first, last = find(old, tray.head, #hash + 16, true)
        if first == #hash + 16 then
          stop = find(old, ',', last, true)
          local text = sub(old, last + 1, stop - 1)
          if text ~= 'null' then before = text + 0 end
        end
      end
    end
    if before then
      local record, trades, updated, count = ARGV[at + 3], ARGV[at + 4], ARGV[at + 7], tray.count + 1
      texts[text_count + 1], texts[text_count + 2], text_count = run .. hash, record, text_count + 2
      if trades ~= '' then texts[text_count + 1], texts[text_count + 2], text_count = run_trades .. hash, trades, text_count + 2 end
      rows[row_count + 1], rows[row_count + 2], row_count = hash, row, row_count + 2
      local ranks = tray.ranks
      ranks[2 * count - 1], ranks[2 * count] = profit, hash
      tray.hashes[count], tray.removed[count], tray.added[count], tray.count = hash, before, profit + 0, count
      if not has_time(old, updated, stop) then rank_run(places, tray.of_status, 'updated', 'undated', hash, updated) end
      batch.revision = batch.revision + 1
      if told >= 0 then
        if told == CHANGES then
          entry = begin_entry(batch)
          entry.is_plain, told = true, 0
        end
        local events, last = entry.texts, TEXTS * told
        told = told + 1
        entry.count = told
        events[last + 1], events[last + 2], events[last + 3], events[last + 4] = 'run', hash, status, profit
      end
      answer[number + 1] = 2
    else
      look_at_run(batch, number, hash)
      local code = put(batch, 'put', hash, '', ARGV[at + 3], ARGV[at + 4], status, profit, ARGV[at + 7], row)
      answer[number + 1] = code
      if code <= 0 then
        skipped = skipped or {}
        skipped[number] = true
      elseif told >= 0 then
        entry = batch.entries[#batch.entries]
        told = entry.count
      end
    end
  end
  for _, tray in pairs(trays) do
    if tray then empty_tray(places, tray) end
  end
  batch.texts, batch.rows = joined(texts, batch.texts), joined(rows, batch.rows)
  batch.text_count, batch.row_count = #batch.texts, #batch.rows
  return change_but(batch, skipped)
end
