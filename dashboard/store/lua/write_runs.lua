-- Write a batch of runs: record, trades, place in every index of each, then figures, events and the summary, all or nothing.
--
-- KEYS[1] session:{sid}:bots
-- KEYS[2] session:{sid}:bots:profit
-- KEYS[3] session:{sid}:index:rows
-- KEYS[4] session:{sid}:index:stats
-- KEYS[5] session:{sid}:index:unranked
-- KEYS[6], KEYS[7] session:{sid}:index:updated, session:{sid}:index:undated
-- KEYS[8] session:{sid}:events
-- KEYS[9] bot_registry:session_current:{sid}
-- KEYS[10] to KEYS[13] bot_registry:sessions, its gone, state, seen; left out on a cluster, where they are written after
-- ARGV[1] sid, ARGV[2] prefix of the records, ARGV[3] of trades, ARGV[4] of the fixed sets of statuses, ARGV[5] of the indexes of statuses
-- ARGV[6] version, ARGV[7] most events kept, ARGV[10] now (us)
-- ARGV[8] set of what changes while a rebuild goes on, ARGV[9] channel that is told what was put, edited, deleted, '' none
-- ARGV[11] head of a new summary, or of the one with the sha1 in ARGV[12] (see summary.lua)
-- ARGV[13] '', or JSON: statuses (further ones to clear), quiet (no summary, no events), deleting (key: while it is there nothing is filed)
-- ARGV[14] prefix of the sweep table's keys, ARGV[15] JSON: names of the fields that the batch's runs have, ARGV[16] their values,
--   field after field, 8 bytes for each operation, ARGV[17] JSON: digests (of the shapes, i.e. of which fields a run has), names (of
--   each shape, JSON), of (number of each operation's shape), neither if all have the same, always (how many of the first fields have
--   a column in any case), ARGV[18] JSON: how many texts are statuses, then code, text, code, text, ... of the texts among the values
-- then 9 for each run, of which there are at most a thousand: operation, hash, sha1 of the record it was made from, record, trades
--   ('' none), status, profit, updated, row. run_operations.lua says what operations there are
--
-- Output: {code} or {code, text of the summary to make a head from}, then a code for each run: 1 created, 2 updated,
--   0 unchanged, -1 the stored record is another one, -2 there is no such run, -3 the session is being deleted. First code: 1 done,
--   2 done, but the session's derived keys are not built yet, nothing done: -1 somebody else wrote the summary, -2 rows too far apart
--- @include "session_list"
--- @include "bytes_order"
--- @include "doubles"
--- @include "sums"
--- @include "sum_texts"
--- @include "figures"
--- @include "rows"
--- @include "times"
--- @include "summary"
--- @include "batch_stats"
--- @include "tops"
--- @include "places"
--- @include "table_shapes"
--- @include "table_columns"
--- @include "table_found"
--- @include "table_rows"
--- @include "table_parts"
--- @include "table_changes"
--- @include "table_free"
--- @include "table_ahead"
--- @include "table_places"
--- @include "table_tail"
--- @include "run_states"
--- @include "index_run"
--- @include "telling"
--- @include "batch"
--- @include "flush_batch"
--- @include "run_operations"
--- @include "trays"
--- @include "plain_batch"
--- @include "settle"

local options = ARGV[13] == '' and {statuses = {}} or cjson.decode(ARGV[13])
options.run, options.trades, options.events, options.now_us = ARGV[2], ARGV[3], ARGV[7], ARGV[10]
local keys = {
  sid = ARGV[1], bots = KEYS[1], profit = KEYS[2], rows = KEYS[3], stats = KEYS[4], unranked = KEYS[5], updated = KEYS[6],
  undated = KEYS[7], events = KEYS[8], summary = KEYS[9], list = list_from(10), status_prefix = ARGV[4], index_status_prefix = ARGV[5],
}
local version, dirty, channel = tonumber(ARGV[6]), ARGV[8], ARGV[9]
local stats, text = read_stats(keys.stats), stored_summary(keys)
-- The summary is as we left it, or is the one that the head in hand was made from, or nobody asks.
local is_ours = text ~= '' and text == stats.summary_text
if not is_ours and not options.quiet and not is_summary_of(text, ARGV[12]) then return {-1, text} end

-- A session without any run yet has nothing to build: its derived keys are complete from its first run on.
local is_built = stats.built == version or redis.call('EXISTS', keys.bots, keys.rows) == 0
-- The set is there as long as the build shows signs of life: one that was killed costs nothing for long.
local is_noted = stats.building and redis.call('SCARD', dirty) > 0
-- Revisions go up for ever, also when a session is deleted and made again: they start at the time of day.
local batch = begin_batch(options, keys, stats)
if not batch then return {-2} end
local answer, is_done, changed, written = {is_built and 1 or 2}
if batch.is_plain then
  -- Nothing of the batch is written if it fails, at what it takes for a row of ours: then each run is looked at with more care.
  is_done, changed = pcall(put_all, batch, answer)
  if is_done then written = changed else batch = begin_batch(options, keys, stats, true) end
end
if not batch.is_plain then changed, written = do_each(batch, answer) end
flush(batch)
if #changed == 0 then return answer end
-- A rebuild, which makes every index anew beside the old ones, looks at these runs again.
if is_noted then redis.call('SADD', dirty, unpack(changed)) end
local is_told = is_built and not options.quiet
settle(batch, stats, is_built and version, is_told and (is_ours and stats.summary_head or ARGV[11]))
if keys.list and not options.quiet then note_change(keys.list, keys.sid) end
-- Who follows the writes of other programs need not look at ours; when we may not publish, it looks in vain.
if channel ~= '' and (#written > 0 or is_told) then
  redis.pcall('PUBLISH', channel, cjson.encode({sid = keys.sid, hashes = written, summary = is_told}))
end
return answer
