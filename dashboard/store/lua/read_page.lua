-- Read one page of a ranked list: first every run that has the sort value, in order, then those without, by configHash.
-- A list is the merge of one or more sources (one a status, mostly); each costs O(log N + page), at any depth and inside any tie.
--
-- KEYS[1] session:{sid}:bots
-- KEYS[2] session:{sid}:index:rows
-- KEYS[3] session:{sid}:index:stats
-- KEYS[4] bot_registry:session_current:{sid}
-- KEYS[5] session:{sid}:bots:profit
-- KEYS[6] session:{sid}:index:unranked
-- KEYS[7] the first source's sorted set of ranked runs
-- KEYS[8] its sorted set of runs without the value
-- KEYS[9] the fixed set that must be as large as both, those of all sources with the same one together: the bots of the session, or
--   of one status
-- then three more for each further source
-- ARGV[1] layout version of the derived keys
-- ARGV[2] 1: largest first
-- ARGV[3], ARGV[4] least and most score, '' for none; with either, runs without the value are left out
-- ARGV[5] 1: backward, to the runs before the position
-- ARGV[6] runs a page
-- ARGV[7] where the position is: 0 start or end, 1 among the ranked, 2 behind them
-- ARGV[8], ARGV[9] score and member of the position
-- ARGV[10] how many runs of the list were before that member when the position was made, of a merged list in each source, with
--   spaces between; '' if nobody knows: where to look for its place first in a source where it is not
--
-- Output: {'missing'} no such session, {'unbuilt', cardinality} derived keys not there yet, or {'page', revision, count,
--   preceding (runs before the first of the page), has_previous, has_next, stale, members, scores ('' without), rows, places};
--   members are the first and the last run alone when every run of the page has its row; scores are those of the first and the
--   last run, as far as there is a page before or behind; places, of a merged list, are theirs in each source, as ARGV[10]
local known = redis.call('HMGET', KEYS[3], 'built', 'revision')
if known[1] ~= ARGV[1] then
  local bots = redis.call('SCARD', KEYS[1])
  if bots > 0 then return {'unbuilt', bots} end
  if redis.call('EXISTS', KEYS[3], KEYS[4]) == 0 then return {'missing'} end
end
local descending, backward, limit = ARGV[2] == '1', ARGV[5] == '1', tonumber(ARGV[6])
local min, max, at = ARGV[3], ARGV[4], ARGV[7]
local has_range = min ~= '' or max ~= ''
local profits, others = redis.call('ZCARD', KEYS[5]), redis.call('ZCARD', KEYS[6])
local bots, indexed = redis.call('SCARD', KEYS[1]), redis.call('HLEN', KEYS[2])
local stale = bots ~= indexed or profits + others ~= indexed
--- @include "bytes_order"
--- @include "order"
--- @include "page_answer"
--- @include "lone_page"
--- @include "merge"
--- @include "sources"
--- @include "merged_page"
