-- What the one loop of a plain batch (plain_batch.lua) gathers of the runs of one status.

-- What waits of the runs of one status: profits and hashes as a sorted set takes them, hashes, profits as they are summed. Without a
-- head, which is how the rows of known runs begin behind the hash, the loop can do none of these runs.
local function tray_of(batch, trays, status)
  local tray = trays[status]
  if tray then return tray end
  local figures = figures_of(batch, status)
  tray = {
    figures = figures, of_status = batch.places.statuses[status], count = 0, ranks = {}, hashes = {}, added = {}, removed = {},
  }
  -- A row says the status as JSON.
  if not figures.recount and not string.find(status, '[%c"\\]') then tray.head = '","status":"' .. status .. '","profit":' end
  trays[status] = tray
  return tray
end

-- Append what is in a list to another one, nothing if there is none yet.
local function joined(list, others)
  if not list then return others end
  local count = #list
  for i, other in ipairs(others) do list[count + i] = other end
  return list
end

-- Hand over what waits to places and figures.
local function empty_tray(places, tray)
  local of_status, figures, hashes = tray.of_status, tray.figures, tray.hashes
  local profit, bots = of_status.profit, of_status.bots
  if tray.count == 0 then return end
  for _, behind in ipairs({of_status.unranked, places.unranked}) do
    if behind.size > 0 then
      for _, hash in ipairs(hashes) do take_out(behind, hash) end
    end
  end
  profit.added, bots.added = joined(profit.added, tray.ranks), joined(bots.added, hashes)
  profit.count, bots.count = #profit.added, #bots.added
  figures.added, figures.removed = joined(figures.added, tray.added), joined(figures.removed, tray.removed)
end
