-- The status that a row says, or nothing when somebody has put there what is no row. Ours begin with hash and status, which is
-- quicker seen than the whole decoded.
local function status_of(row)
  local status = string.match(row, '^{"configHash":"[^"\\]*","status":"([^"\\]*)",')
  if status then return status end
  local is_json, found = pcall(cjson.decode, row)
  return is_json and type(found) == 'table' and type(found.status) == 'string' and found.status or nil
end
