-- The rows that the runs of a batch have in the sweep table already, from what is read of its places; see table_rows.lua.

-- The texts of 0 to 99 in two digits.
local PAIRS = {
  '00', '01', '02', '03', '04', '05', '06', '07', '08', '09', '10', '11', '12', '13', '14', '15', '16', '17', '18', '19',
  '20', '21', '22', '23', '24', '25', '26', '27', '28', '29', '30', '31', '32', '33', '34', '35', '36', '37', '38', '39',
  '40', '41', '42', '43', '44', '45', '46', '47', '48', '49', '50', '51', '52', '53', '54', '55', '56', '57', '58', '59',
  '60', '61', '62', '63', '64', '65', '66', '67', '68', '69', '70', '71', '72', '73', '74', '75', '76', '77', '78', '79',
  '80', '81', '82', '83', '84', '85', '86', '87', '88', '89', '90', '91', '92', '93', '94', '95', '96', '97', '98', '99',
}

-- The row of the first run, if those of all follow each other and all have the shape that the batch gives them. Texts are put together
-- and compared: that is sooner done than to take them apart.
local function first_of(sweep, places)
  local row = #places > 1 and places[1] and string.match(places[1], '^%d+')
  if not row then return nil end
  local first, tails, of, pairs = tonumber(row), {}, sweep.of, PAIRS
  for i, digest in ipairs(sweep.digests) do tails[i] = ' ' .. digest end
  local tail, at, hundreds = tails[1], first % 100, string.format('%.0f', math.floor(first / 100))
  for i = 1, #places do
    if of then tail = tails[of[i]] end
    if not tail then return nil end
    if hundreds ~= '0' then
      if places[i] ~= hundreds .. pairs[at + 1] .. tail then return nil end
    elseif places[i] ~= at .. tail then return nil end
    at = at + 1
    if at == 100 then at, hundreds = 0, string.format('%.0f', math.floor((first + i) / 100)) end
  end
  return first
end

-- Take down the row and the shape of each run; tell whether all have one.
local function find_rows(sweep)
  local hashes, row_of, shape_of, is_whole = sweep.hashes, sweep.row_of, sweep.shape_of, true
  for i, place in ipairs(sweep.places) do
    local row, shape = nil, nil
    if place then row, shape = string.match(place, '^(%d+) (%S+)$') end
    if row then row_of[hashes[i]], shape_of[hashes[i]] = tonumber(row), shape else is_whole = false end
  end
  return is_whole
end
