-- Settle what is counted once a session: figures recounted from the scores, the summary, and the mark that says that the
-- derived keys are complete. Also takes new notes and the like, as another head of the summary.
--
-- KEYS[1] session:{sid}:bots
-- KEYS[2] session:{sid}:bots:profit
-- KEYS[3] session:{sid}:index:rows
-- KEYS[4] session:{sid}:index:stats
-- KEYS[5] session:{sid}:index:updated
-- KEYS[6] session:{sid}:events
-- KEYS[7] bot_registry:session_current:{sid}
-- KEYS[8] bot_registry:sessions; left out on a cluster, where it lies elsewhere and is written after
-- ARGV[1] JSON: sid, index_status (prefix), version, now_us, events, and any of:
--   figures  {status: [n, sum, sumlo, sq, sqlo, wide]} as texts, with the revision they were counted at
--   built    mark the derived keys as complete
--   head, head_of  write the summary; `plain` is its text while the derived keys are not complete, `average` an average to keep
--
-- Output: 1 done; 0 nothing done: the session changed since that revision; -1 nothing done: somebody else wrote the summary
--- @include "sums"
--- @include "summary"

local options = cjson.decode(ARGV[1])
local keys = {
  sid = options.sid, bots = KEYS[1], profit = KEYS[2], rows = KEYS[3], stats = KEYS[4], updated = KEYS[5], events = KEYS[6],
  summary = KEYS[7], sessions = KEYS[8], index_status_prefix = options.index_status,
}
local revision = redis.call('HGET', keys.stats, 'revision') or tostring(options.now_us)

if options.head then
  local text = redis.call('GET', keys.summary)
  if (text and redis.sha1hex(text) or '') ~= options.head_of then return -1 end
end
if options.figures then
  if options.revision ~= revision then return 0 end
  for _, field in ipairs(redis.call('HKEYS', keys.stats)) do
    local name, status = string.match(field, '^(%a+):(.*)$')
    if name and not options.figures[status] then redis.call('HDEL', keys.stats, field) end
  end
  for status, found in pairs(options.figures) do
    redis.call('HSET', keys.stats, 'n:' .. status, found[1], 'sum:' .. status, found[2], 'sumlo:' .. status, found[3],
      'sq:' .. status, found[4], 'sqlo:' .. status, found[5], 'wide:' .. status, found[6])
  end
end
if options.built then redis.call('HSET', keys.stats, 'built', options.version, 'revision', revision) end
if options.head then
  if tonumber(redis.call('HGET', keys.stats, 'built') or 0) == options.version then
    write_summary(keys, options.head, load_figures(keys.stats, 'completed'), options.average)
  else
    redis.call('SET', keys.summary, options.plain)
  end
  redis.call('XADD', keys.events, 'MAXLEN', '~', options.events, '*', 'event', 'session', 'revision', revision)
end
return 1
