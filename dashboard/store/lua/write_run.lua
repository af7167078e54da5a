-- Write one usual run: what `write_runs` does for a single put, in a quarter of its time, or nothing where anything is out of the
-- ordinary. Both leave the same, but for the run's values in the sweep table: these go into its tail (see table_tail.lua).
--
-- KEYS[1] session:{sid}:bots
-- KEYS[2] bot_registry:session_current:{sid}
-- KEYS[3], KEYS[4], KEYS[5] session:{sid}:index:unranked, updated, undated: usually there are none of these, so that a cluster refuses the
--   whole call while the session's slot is on its way to another server
-- KEYS[6] to KEYS[9] bot_registry:sessions, its gone, state, seen; left out on a cluster, where they are written after
-- ARGV[1] sid, ARGV[2] session:{sid}:, ARGV[3] prefix of the records, ARGV[4] of trades
-- ARGV[5] version, ARGV[6] most events kept, ARGV[7] channel that is told what was put, '' none, ARGV[8] what it is told
-- ARGV[9] hash, of plain letters, ARGV[10] record, ARGV[11] trades, '' none, ARGV[12] a usual status, ARGV[13] profit, ARGV[14] updated
-- ARGV[15] row, ARGV[16] digest of the names of its fields, ARGV[17] these, JSON, ARGV[18] how many, ARGV[19] their values, 8 bytes each, ARGV[20] JSON:
--   how many texts are statuses, then code, text, ... of the texts among the values
--
-- Output: 1 created, 2 updated, 0 unchanged; nothing where it is for write_runs, and nothing is changed
--- @include "session_list"
--- @include "bytes_order"
--- @include "doubles"
--- @include "sum_texts"
--- @include "rows"
--- @include "lone_summary"
--- @include "tail_room"
--- @include "first_writes"

local call, key = redis.call, ARGV[2]
local hash, record, trades, status, profit, updated, row = ARGV[9], ARGV[10], ARGV[11], ARGV[12], ARGV[13], ARGV[14], ARGV[15]
local bots, rows, stats, ranks = KEYS[1], key .. 'index:rows', key .. 'index:stats', key .. 'bots:profit'
local prefix, of_status, run_key = key .. 'index:status:' .. status, key .. 'bots:status:' .. status, ARGV[3] .. hash

-- The derived keys are complete and know the status, nobody builds them anew or counts anew, and the summary is ours.
local found = call('HMGET', stats, 'built', 'building', 'summary_text', 'summary_head', 'revision', 'table', 'rows', 'width', 'n:failed',
  'n:' .. status, 'sum:' .. status, 'sq:' .. status, 'at:' .. status, 'wide:completed', 'in_tail')
local summary, head, generation, n = found[3], found[4], found[6], found[10]
if found[1] ~= ARGV[5] or not (summary and head and generation and n) or found[13] then return nil end
if redis.pcall('GET', KEYS[2]) ~= summary then return nil end
if found[2] and call('SCARD', key .. 'index:dirty') > 0 then return nil end
local told = told_by(summary, head)
if not told then return nil end

-- The run has its place in every index already, under the same status and with a profit, or none at all.
local old_row, old_profit = call('HGET', rows, hash), nil
if old_row then
  local old_status
  old_status, old_profit = said_by(old_row, hash)
  if old_status ~= status or not old_profit or old_profit > WIDE or old_profit < -WIDE then return nil end
  if old_row == row and redis.pcall('GET', run_key) == record
    and (trades == '' or redis.pcall('GET', ARGV[4] .. hash) == trades) then return 0 end
end
local behind = {prefix .. ':unranked', prefix .. ':undated', KEYS[3], KEYS[4], KEYS[5]}
-- Whoever has no row has no record either, unless it is another program's.
local others = call('EXISTS', behind[1], behind[2], behind[3], behind[4], behind[5], old_row and behind[5] or run_key)
if others > 0 then
  if not old_row and call('EXISTS', run_key) == 1 then return nil end
  for i = 1, 5 do
    if call('ZSCORE', behind[i], hash) then return nil end
  end
end
local x, sweep, runs = tonumber(profit), key .. 'table:' .. generation .. ':', call('SCARD', bots)
local known = {rows = found[7], width = found[8], in_tail = found[15]}
local room = room_for(sweep, known, hash, ARGV[16], ARGV[17], tonumber(ARGV[18]), old_row, runs)
local last = room and last_with(told, hash, status, x, profit, updated)
if not last then return nil end

local sum, squares = parts_of(found[11]), parts_of(found[12])
if old_row then add_profit(sum, squares, old_profit, -1) end
add_profit(sum, squares, x, 1)
n = n + (old_row and 0 or 1)
-- Where no run is without a profit these are all of the status.
local completed, average = completed_with(stats, key, status, n, sum, others == 0, not old_row, found[14])
local best, list = best_with(told, ranks, hash, x, profit), list_from(6)
local has_moved = not old_row or not string.find(old_row, '"lastUpdated":' .. updated .. ',', 1, true)
if list then list.last = call('HGET', list.state, 'number') end

local revision = string.format('%.0f', found[5] + 1)
local added = write_first(bots, of_status, key .. 'events', list, ARGV[1], hash, old_row, ARGV[6], 'event', 'run', 'configHash', hash,
  'status', status, 'profit', profit, 'revision', revision)
if not added then return nil end
summary = head .. ',"runCount":' .. runs + added .. ',"completedRuns":' .. completed .. ',"errorCount":'
  .. (status == 'failed' and n or found[9] or 0) .. best .. ',"avgProfit":' .. average .. last
if trades == '' then call('MSET', run_key, record, KEYS[2], summary)
else call('MSET', run_key, record, ARGV[4] .. hash, trades, KEYS[2], summary) end
call('HSET', rows, hash, row)
call('ZADD', ranks, profit, hash)
local fields = {
  'revision', revision, 'sum:' .. status, text_of(sum), 'sq:' .. status, text_of(squares), 'summary_text', summary, 'in_tail', room.in_tail,
}
-- Should somebody have put something else under one of these keys, all is to be built anew.
local entry = room.row .. ' ' .. revision .. ' ' .. ARGV[18] .. ' ' .. ARGV[16] .. '\n' .. ARGV[19] .. ARGV[20] .. room.names
local is_sound = type(redis.pcall('HSET', sweep .. 'tail', hash, entry)) == 'number'
is_sound = type(redis.pcall('ZADD', prefix .. ':profit', profit, hash)) == 'number' and is_sound
if has_moved then is_sound = type(redis.pcall('ZADD', prefix .. ':updated', updated, hash)) == 'number' and is_sound end
if not old_row then
  is_sound = redis.pcall('HSET', sweep .. 'places', hash, room.row .. ' ' .. ARGV[16]) == 1 and is_sound
  fields[11], fields[12], fields[13], fields[14] = 'rows', room.row + 1, 'n:' .. status, n
end
call('HSET', stats, unpack(fields))
if not is_sound then call('HDEL', stats, 'built') end
if ARGV[7] ~= '' then redis.pcall('PUBLISH', ARGV[7], ARGV[8]) end
return old_row and 2 or 1
