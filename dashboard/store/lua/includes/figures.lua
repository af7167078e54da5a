-- The figures of one status in the hash of stats: n (runs), sum and sq (of their profits, see sums.lua), wide. While they are
-- counted anew there are second sums under `new...`, over the profits up to the place `at` in the status's order of profits.

-- Read once a script, and written back once.
local function load_figures(stats, status)
  local flat = redis.call('HMGET', stats, 'n:' .. status, 'sum:' .. status, 'sq:' .. status, 'wide:' .. status, 'at:' .. status)
  local figures = {
    n = tonumber(flat[1] or 0), sum = parts_of(flat[2]), sq = parts_of(flat[3]), wide = tonumber(flat[4] or 0),
  }
  if flat[5] then
    local new = redis.call('HMGET', stats, 'newsum:' .. status, 'newsq:' .. status, 'newwide:' .. status)
    local score, member = string.match(flat[5], '^(%S+) (.*)$')
    figures.recount = {
      score = score, member = member, sum = parts_of(new[1]), sq = parts_of(new[2]), wide = tonumber(new[3] or 0),
    }
  end
  return figures
end

local function store_figures(stats, status, figures)
  local recount = figures.recount
  if recount then
    redis.call('HSET', stats, 'at:' .. status, recount.score .. ' ' .. recount.member, 'newsum:' .. status, text_of(recount.sum),
      'newsq:' .. status, text_of(recount.sq), 'newwide:' .. status, recount.wide)
  end
  if figures.n > 0 then
    redis.call('HSET', stats, 'n:' .. status, figures.n, 'sum:' .. status, text_of(figures.sum), 'sq:' .. status,
      text_of(figures.sq), 'wide:' .. status, figures.wide)
  else
    redis.call('HDEL', stats, 'n:' .. status, 'sum:' .. status, 'sq:' .. status, 'wide:' .. status)
  end
end

-- Count a run in (sign 1) or out (sign -1) of the figures of its status; profit is a text, '' without one.
local function count_run(figures, hash, profit, sign)
  figures.n = figures.n + sign
  if profit == '' then return end
  local x, recount = tonumber(profit), figures.recount
  sum_profit(figures, x, sign)
  if recount then
    local score = tonumber(recount.score)
    local is_counted = x < score or (x == score and not bytes_less(recount.member, hash))
    if is_counted then sum_profit(recount, x, sign) end
  end
end
