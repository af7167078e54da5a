-- Settle what there is once a session: the summary, and the mark that says that the derived keys are complete. Also takes new
-- notes and the like, as another head of the summary.
--
-- KEYS[1] session:{sid}:bots
-- KEYS[2] session:{sid}:bots:profit
-- KEYS[3] session:{sid}:index:rows
-- KEYS[4] session:{sid}:index:stats
-- KEYS[5] session:{sid}:index:updated
-- KEYS[6] session:{sid}:events
-- KEYS[7] bot_registry:session_current:{sid}
-- KEYS[8] to KEYS[11] bot_registry:sessions, its gone, state, seen; left out on a cluster, where they are written after
-- ARGV[1] JSON: sid, index_status (prefix), version, now_us, events, and any of:
--   built    mark the derived keys as complete
--   head     write the summary with this head, if the stored text still has the sha1 `head_of`, or was written by our scripts
--     with the head `base`; `plain` is its text while the derived keys are not complete
--   only_built  do nothing, and call it done, where the derived keys are not complete: the session was deleted meanwhile
--   average, average_at  an average to keep in it, if that is still the session's revision
--
-- Output: 1 done; -1 nothing done: somebody else wrote the summary
--- @include "session_list"
--- @include "bytes_order"
--- @include "doubles"
--- @include "sums"
--- @include "sum_texts"
--- @include "figures"
--- @include "rows"
--- @include "times"
--- @include "summary"

local options = cjson.decode(ARGV[1])
local keys = {
  sid = options.sid, bots = KEYS[1], profit = KEYS[2], rows = KEYS[3], stats = KEYS[4], updated = KEYS[5], events = KEYS[6],
  summary = KEYS[7], list = list_from(8), index_status_prefix = options.index_status,
}
local revision = redis.call('HGET', keys.stats, 'revision') or string.format('%.0f', options.now_us)

local is_built = options.built or tonumber(redis.call('HGET', keys.stats, 'built') or 0) == options.version
if keys.list then check_list_types(keys.list) end
if options.only_built and not is_built then return 1 end
if options.head then
  local text = stored_summary(keys)
  local known = redis.call('HMGET', keys.stats, 'summary_text', 'summary_head')
  -- Writes of ours change the figures behind the head all the time, and do not matter here.
  local is_ours = is_built and text ~= '' and options.base and text == known[1] and options.base == known[2]
  if not is_ours and not is_summary_of(text, options.head_of) then return -1 end
end
if options.built then redis.call('HSET', keys.stats, 'built', options.version, 'revision', revision) end
if options.head then
  if is_built then
    local average = options.average_at == revision and options.average
    write_summary(keys, options.head, average)
  else
    redis.call('SET', keys.summary, options.plain)
  end
  redis.call('XADD', keys.events, 'MAXLEN', '~', options.events, '*', 'event', 'session', 'revision', revision)
end
-- What the list shows of a session without a summary comes from its indexes: it may have changed without a head, too.
if keys.list then note_change(keys.list, keys.sid) end
return 1
