-- See whether the counts of a session's keys agree with each other, and who wrote its summary.
--
-- KEYS[1] session:{sid}:bots
-- KEYS[2] session:{sid}:bots:profit
-- KEYS[3] session:{sid}:index:rows
-- KEYS[4] session:{sid}:index:stats
-- KEYS[5] session:{sid}:index:unranked
-- KEYS[6] session:{sid}:index:deleting
-- KEYS[7] bot_registry:session_current:{sid}
-- ARGV[1] prefix of the fixed status sets
-- ARGV[2] version of the derived keys
-- ARGV[3..] statuses whose fixed set is looked at whether or not a run is known to have them
--
-- Output: {being deleted, built, summary (0 none, 1 another program's, 2 ours), something of ours is there, runs, the counts agree,
--   a text that changes with the counts}
local text = redis.pcall('GET', KEYS[7])
local summary = 0
if type(text) == 'string' and text ~= '' then
  summary = text == redis.call('HGET', KEYS[4], 'summary_text') and 2 or 1
end
local runs, rows, ranked = redis.call('SCARD', KEYS[1]), redis.call('HLEN', KEYS[3]), redis.call('ZCARD', KEYS[2])
local agree = runs == rows and ranked + redis.call('ZCARD', KEYS[5]) == rows

local counts, statuses = {}, {}
for i = 3, #ARGV do counts[ARGV[i]] = 0 end
for _, field in ipairs(redis.call('HKEYS', KEYS[4])) do
  if string.sub(field, 1, 2) == 'n:' then counts[string.sub(field, 3)] = tonumber(redis.call('HGET', KEYS[4], field)) end
end
for status in pairs(counts) do statuses[#statuses + 1] = status end
table.sort(statuses)
local seen = {redis.call('HGET', KEYS[4], 'revision') or '', runs, rows, ranked}
for _, status in ipairs(statuses) do
  local filed = redis.call('SCARD', ARGV[1] .. status)
  agree = agree and filed == counts[status]
  seen[#seen + 1] = filed
end
return {
  redis.call('EXISTS', KEYS[6]), tonumber(redis.call('HGET', KEYS[4], 'built') or 0) == tonumber(ARGV[2]) and 1 or 0, summary,
  redis.call('EXISTS', KEYS[3], KEYS[4]), math.max(runs, rows, ranked), agree and 1 or 0, table.concat(seen, ' '),
}
