-- Sums that do not drift: each is kept as two doubles (hi + lo), so that adding a profit and taking it away again leaves what
-- was there, also beside numbers 1e15 times as large. Squares are exact products (Dekker 1971, Knuth TAOCP 4.2.2).
-- Profits beyond WIDE would overflow as squares: they are counted instead, and whoever reads sums then adds up the scores.
local WIDE = 1e150

local function add_to(hi, lo, x)
  local sum = hi + x
  local part = sum - hi
  lo = lo + ((hi - (sum - part)) + (x - part))
  local top = sum + lo
  return top, lo - (top - sum)
end

local function square_of(x)
  local product, split = x * x, 134217729 * x
  local high = split - (split - x)
  local low = x - high
  return product, ((high * high - product) + 2 * high * low) + low * low
end

-- The shortest text that reads back as the same double; JSON has no infinities.
local function number_text(x)
  x = tonumber(x)
  if not x or x ~= x or x == math.huge or x == -math.huge then return 'null' end
  for digits = 15, 17 do
    local text = string.format('%.' .. digits .. 'g', x)
    if tonumber(text) == x then return text end
  end
end

-- The figures of one status, read once a script and written back once.
local function load_figures(stats, status)
  local flat = redis.call('HMGET', stats, 'n:' .. status, 'sum:' .. status, 'sumlo:' .. status, 'sq:' .. status,
    'sqlo:' .. status, 'wide:' .. status)
  local figures = {}
  for i = 1, 6 do figures[i] = tonumber(flat[i] or 0) end
  return {n = figures[1], sum = figures[2], sumlo = figures[3], sq = figures[4], sqlo = figures[5], wide = figures[6]}
end

-- Count a run in (sign 1) or out (sign -1) of the figures of its status; profit is a text, '' without one.
local function count_run(figures, profit, sign)
  figures.n = figures.n + sign
  if profit == '' then return end
  local x = tonumber(profit)
  if math.abs(x) > WIDE then
    figures.wide = figures.wide + sign
    return
  end
  local square, rest = square_of(x)
  figures.sum, figures.sumlo = add_to(figures.sum, figures.sumlo, sign * x)
  figures.sq, figures.sqlo = add_to(figures.sq, figures.sqlo, sign * square)
  figures.sq, figures.sqlo = add_to(figures.sq, figures.sqlo, sign * rest)
end

local function store_figures(stats, status, figures)
  if figures.n <= 0 then
    redis.call('HDEL', stats, 'n:' .. status, 'sum:' .. status, 'sumlo:' .. status, 'sq:' .. status, 'sqlo:' .. status,
      'wide:' .. status)
    return
  end
  redis.call('HSET', stats, 'n:' .. status, figures.n, 'sum:' .. status, string.format('%.17g', figures.sum),
    'sumlo:' .. status, string.format('%.17g', figures.sumlo), 'sq:' .. status, string.format('%.17g', figures.sq),
    'sqlo:' .. status, string.format('%.17g', figures.sqlo), 'wide:' .. status, figures.wide)
end
