-- The figures of one status in the hash of stats: n (runs), sum and sq (of their profits, see sums.lua), wide. While they are
-- counted anew there are second sums under `new...`, over the profits up to the place `at` in the status's order of profits.

-- Append the fields of one status to a list of those to be read.
local function ask_figures(fields, status)
  local count = #fields
  fields[count + 1], fields[count + 2], fields[count + 3] = 'n:' .. status, 'sum:' .. status, 'sq:' .. status
  fields[count + 4], fields[count + 5] = 'wide:' .. status, 'at:' .. status
end

-- Return the figures from what was read of those fields, which begins at `first`. Done once a script.
local function figures_from(stats, status, flat, first)
  local figures = {
    n = tonumber(flat[first] or 0), sum = parts_of(flat[first + 1]), sq = parts_of(flat[first + 2]),
    wide = tonumber(flat[first + 3] or 0),
  }
  local at = flat[first + 4]
  if at then
    local new = redis.call('HMGET', stats, 'newsum:' .. status, 'newsq:' .. status, 'newwide:' .. status)
    local score, member = string.match(at, '^(%S+) (.*)$')
    figures.recount = {
      score = score, member = member, sum = parts_of(new[1]), sq = parts_of(new[2]), wide = tonumber(new[3] or 0),
    }
  end
  return figures
end

local function load_figures(stats, status)
  local fields = {}
  ask_figures(fields, status)
  return figures_from(stats, status, redis.call('HMGET', stats, unpack(fields)), 1)
end

-- Append what the figures are now to a flat list of fields to be set; those of a status that no run has any more are removed.
local function add_figures(fields, stats, status, figures)
  local count, recount = #fields, figures.recount
  add_up(figures)
  if recount then
    add_up(recount)
    fields[count + 1], fields[count + 2] = 'at:' .. status, recount.score .. ' ' .. recount.member
    fields[count + 3], fields[count + 4] = 'newsum:' .. status, text_of(recount.sum)
    fields[count + 5], fields[count + 6] = 'newsq:' .. status, text_of(recount.sq)
    fields[count + 7], fields[count + 8] = 'newwide:' .. status, recount.wide
    count = count + 8
  end
  if figures.n > 0 then
    fields[count + 1], fields[count + 2] = 'n:' .. status, figures.n
    fields[count + 3], fields[count + 4] = 'sum:' .. status, text_of(figures.sum)
    fields[count + 5], fields[count + 6] = 'sq:' .. status, text_of(figures.sq)
    fields[count + 7], fields[count + 8] = 'wide:' .. status, figures.wide
  else
    redis.call('HDEL', stats, 'n:' .. status, 'sum:' .. status, 'sq:' .. status, 'wide:' .. status)
  end
end

local function store_figures(stats, status, figures)
  local fields = {}
  add_figures(fields, stats, status, figures)
  if #fields > 0 then redis.call('HSET', stats, unpack(fields)) end
end

-- Count a run in (sign 1) or out (sign -1) of the figures of its status; profit is a text, '' without one.
local function count_run(figures, hash, profit, sign)
  figures.n = figures.n + sign
  if profit == '' then return end
  local x, recount = profit + 0, figures.recount
  sum_profit(figures, x, sign)
  if recount then
    local score = tonumber(recount.score)
    local is_counted = x < score or (x == score and not bytes_less(recount.member, hash))
    if is_counted then sum_profit(recount, x, sign) end
  end
end
