-- Read one page of a ranked list: first every run that has the sort value, in order, then those without, by configHash.
-- A list is the merge of one or more sources (one a status); each costs O(log N + page), at any depth and inside any tie.
--
-- KEYS[1] session:{sid}:bots
-- KEYS[2] session:{sid}:index:rows
-- KEYS[3] session:{sid}:index:stats
-- KEYS[4] bot_registry:session_current:{sid}
-- KEYS[5] session:{sid}:bots:profit
-- KEYS[6] session:{sid}:index:unranked
-- then for each source: its sorted set of ranked runs, its sorted set of runs without the value, and the fixed set that
--   must be as large as both (the bots of the session, or of one status)
-- ARGV[1] layout version of the derived keys
-- ARGV[2] 1: largest first
-- ARGV[3] 1: backward, to the runs before the position
-- ARGV[4] runs a page
-- ARGV[5] 1: with rows; else members only
-- ARGV[6], ARGV[7] least and most score, '' for none; with either, runs without the value are left out
-- ARGV[8] where the position is: 0 start or end, 1 among the ranked, 2 behind them
-- ARGV[9], ARGV[10] score and member of the position
--
-- Output: {'missing'} no such session, {'unbuilt', cardinality} derived keys not there yet, or {'page', revision, count,
--   preceding (runs before the first of the page), has_previous, has_next, stale, members, scores ('' without), rows};
--   members are the first and the last run alone when every run of the page has its row; scores beside rows are theirs,
--   as far as there is a page before or behind
local known = redis.call('HMGET', KEYS[3], 'built', 'revision')
if known[1] ~= ARGV[1] then
  local bots = redis.call('SCARD', KEYS[1])
  if bots > 0 then return {'unbuilt', bots} end
  if redis.call('EXISTS', KEYS[3], KEYS[4]) == 0 then return {'missing'} end
end
--- @include "order"
--- @include "merge"
--- @include "sources"
--- @include "page_body"
