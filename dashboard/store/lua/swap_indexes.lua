-- Put the indexes that a build has made in the place of those in use, all at once, with the last runs that our writers changed; then
-- write the summary from them. Those that were in use are put aside: to free them would take long.
--
-- KEYS[1] session:{sid}:index:stats
-- KEYS[2] session:{sid}:index:dirty
-- KEYS[3] session:{sid}:events
-- KEYS[4] bot_registry:session_current:{sid}
-- KEYS[5] to KEYS[8] bot_registry:sessions, its gone, state, seen; left out on a cluster, where they are written after
-- ARGV[1] JSON: sid, token, prefix, next, table (see carry_runs.lua), old (prefix of what is put aside), fixed, loaded (batches that
--   were loaded), count (most runs to take over), statuses (that may have keys), version, now_us, events, is_kept (whether there is a
--   session), chosen (of what revision the table's columns were chosen, '' where there was none, and how), and what finish_index.lua takes: head, head_of, base, average, average_at
--
-- Output: {1, names put aside ...}, {0} not exchanged: there are more runs to take over, {-1} somebody else wrote the summary, {-2}
--   the build has been ended, {-3} what was loaded is not all there
--- @include "session_list"
--- @include "bytes_order"
--- @include "doubles"
--- @include "sums"
--- @include "sum_texts"
--- @include "figures"
--- @include "rows"
--- @include "times"
--- @include "summary"
--- @include "table_shapes"
--- @include "table_columns"
--- @include "table_found"
--- @include "table_rows"
--- @include "table_parts"
--- @include "table_changes"
--- @include "table_free"
--- @include "table_ahead"
--- @include "table_places"
--- @include "shadow_table"
--- @include "shadow_copy"
--- @include "shadow"
--- @include "shadow_carry"
--- @include "shadow_names"
local options = cjson.decode(ARGV[1])
local used, made, aside = keys_under(options.prefix), keys_under(options.next), keys_under(options.old)
local keys = {
  sid = options.sid, bots = used.bots, profit = used.profit, rows = used.rows, stats = KEYS[1], updated = used.updated,
  events = KEYS[3], summary = KEYS[4], list = list_from(5), index_status_prefix = used.index_status_prefix,
}
if keys.list then check_list_types(keys.list) end
if not is_current(used, options.token, KEYS[2]) then return {-2} end
-- A server that came back with an older data set has lost batches at the end, and with them their count.
if tonumber(redis.call('HGET', made.stats, 'loaded') or 0) ~= options.loaded then return {-3} end
local dropped = options.table.tables .. 'dropped'
redis.call('SCARD', dropped)
local known = redis.call('HMGET', keys.stats, 'summary_text', 'summary_head', 'revision', 'told', 'told_since')
if options.head then
  local text = stored_summary(keys)
  local is_ours = text ~= '' and options.base and text == known[1] and options.base == known[2]
  if not is_ours and not is_summary_of(text, options.head_of) then return {-1} end
end

local figures = {}
local left = carry(used, made, figures, options, KEYS[2], options.count)
store_made_figures(made, figures)
if left > 0 then return {0} end

local average = options.average_at == (known[3] or '') and options.average
local revision = string.format('%.0f', tonumber(known[3] or options.now_us) + 1)
redis.call('HDEL', made.stats, 'loaded')
if options.is_kept then
  redis.call('HSET', made.stats, 'built', options.version, 'revision', revision)
  if known[1] then redis.call('HSET', made.stats, 'summary_text', known[1]) end
  if options.chosen.of == '' then options.chosen.of = revision end
  redis.call('HSET', made.stats, 'swept', 1, 'chosen', cjson.encode(options.chosen))
  if known[2] then redis.call('HSET', made.stats, 'summary_head', known[2]) end
  if known[4] then redis.call('HSET', made.stats, 'told', known[4]) end
  if known[5] then redis.call('HSET', made.stats, 'told_since', known[5]) end
end
local generation = redis.call('HGET', keys.stats, 'table')
if generation then redis.call('SADD', dropped, generation) end
local put_aside = {}
for _, name in ipairs(names_made(options, keys.stats, made.stats)) do
  if redis.call('EXISTS', options.prefix .. name) == 1 then
    redis.call('RENAME', options.prefix .. name, options.old .. name)
    put_aside[#put_aside + 1] = name
  end
  if redis.call('EXISTS', options.next .. name) == 1 then redis.call('RENAME', options.next .. name, options.prefix .. name) end
end
local kind = redis.call('TYPE', keys.events).ok
if kind ~= 'stream' and kind ~= 'none' then redis.call('RENAME', keys.events, options.old .. 'events') end
redis.call('UNLINK', KEYS[2])
if options.head then
  write_summary(keys, options.head, average)
  redis.call('XADD', keys.events, 'MAXLEN', '~', options.events, '*', 'event', 'session', 'revision', revision)
end
if keys.list and options.is_kept then note_change(keys.list, keys.sid) end
return {1, unpack(put_aside)}
