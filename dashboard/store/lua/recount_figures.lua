-- Count the figures of one status anew, a bounded step at a time, while writers write: the sums go up to a place in the order of
-- profits, and every write on this side of it goes into them as well (see figures.lua). At the end they replace the old ones.
--
-- KEYS[1] session:{sid}:index:stats
-- KEYS[2] session:{sid}:index:status:{status}:profit
-- KEYS[3] session:{sid}:index:status:{status}:unranked
-- ARGV[1] the status
-- ARGV[2] profits a step
-- ARGV[3] 1 to begin at the start, 0 to go on
--
-- Output: 1 done, 0 to be called again
--- @include "bytes_order"
--- @include "order"
--- @include "doubles"
--- @include "sums"
--- @include "sum_texts"
--- @include "figures"

local status, step = ARGV[1], tonumber(ARGV[2])
local figures = load_figures(KEYS[1], status)
if ARGV[3] == '1' then figures.recount = {score = '-inf', member = '', sum = {}, sq = {}, wide = 0} end
-- Somebody else, who counted as well, was the last to end.
local recount = figures.recount
if not recount then return 1 end

local rank, present = place_of(KEYS[2], recount.score, recount.member)
local flat = redis.call('ZRANGE', KEYS[2], rank + present, rank + present + step - 1, 'WITHSCORES')
for i = 1, #flat, 2 do sum_profit(recount, tonumber(flat[i + 1]), 1) end
local is_done = #flat < 2 * step
if is_done then
  redis.call('HDEL', KEYS[1], 'at:' .. status, 'newsum:' .. status, 'newsq:' .. status, 'newwide:' .. status)
  recount.n = redis.call('ZCARD', KEYS[2]) + redis.call('ZCARD', KEYS[3])
  figures = recount
else
  recount.member, recount.score = flat[#flat - 1], flat[#flat]
end
store_figures(KEYS[1], status, figures)
return is_done and 1 or 0
