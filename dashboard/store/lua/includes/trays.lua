-- What the one loop of a plain batch (plain_batch.lua) gathers of the runs of one status.

-- What waits of the runs of one status: profits and hashes as a sorted set takes them, hashes, profits as they are summed.
local function tray_of(batch, status)
  local figures, of_status = figures_of(batch, status), batch.places.statuses[status]
  -- A row says the status as JSON.
  if figures.recount or string.find(status, '[%c"\\]') then return false end
  return {
    figures = figures, of_status = of_status, head = '","status":"' .. status .. '","profit":', count = 0,
    ranks = {}, hashes = {}, added = {}, removed = {},
  }
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
  for _, behind in ipairs({of_status.unranked, places.unranked}) do
    if behind.size > 0 then
      for _, hash in ipairs(hashes) do take_out(behind, hash) end
    end
  end
  profit.added, bots.added = joined(profit.added, tray.ranks), joined(bots.added, hashes)
  profit.count, bots.count = #profit.added, #bots.added
  figures.added, figures.removed = joined(figures.added, tray.added), joined(figures.removed, tray.removed)
end
