-- Give keys other names, on a server of its own; what stands under a new name already is never overwritten.
--
-- KEYS[1], KEYS[2], and so on in pairs: a key and its new name; at most some hundred
--
-- Output: for each pair 1 renamed; 0 there was none; 2 the same text stood there already, and the old one is gone; -1 something else
--   stands there, nothing done
local codes = {}
for i = 1, #KEYS, 2 do
  local from, to, code = KEYS[i], KEYS[i + 1], 0
  if redis.call('EXISTS', from) == 1 then
    if redis.call('RENAMENX', from, to) == 1 then code = 1
    else
      local mine, theirs = redis.pcall('GET', from), redis.pcall('GET', to)
      code = -1
      if type(mine) == 'string' and mine == theirs then
        redis.call('UNLINK', from)
        code = 2
      end
    end
  end
  codes[#codes + 1] = code
end
return codes
