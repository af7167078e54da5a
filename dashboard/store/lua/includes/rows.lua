-- The status and the profit (nothing without one) that the row of a run says; nothing at all when somebody has put there what is no
-- row. Ours begin with hash, status and profit, which is quicker seen than the whole decoded.
local function said_by(row, hash)
  local status, profit = string.match(row, '^","status":"([^"\\]*)","profit":([-+.%deEnul]+),', #hash + 16)
  if status then return status, tonumber(profit) end
  local is_json, found = pcall(cjson.decode, row)
  if not is_json or type(found) ~= 'table' or type(found.status) ~= 'string' then return nil end
  return found.status, type(found.profit) == 'number' and found.profit or nil
end

local function status_of(row, hash)
  local status = said_by(row, hash)
  return status
end
