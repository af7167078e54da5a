-- The status that a row says, or nothing when somebody has put there what is no row.
local function status_of(row)
  local is_json, found = pcall(cjson.decode, row)
  return is_json and type(found) == 'table' and type(found.status) == 'string' and found.status or nil
end
