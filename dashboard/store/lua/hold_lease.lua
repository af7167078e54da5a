-- Take or keep the place of the one that does a piece of work, unless another one has it; or give it up.
--
-- KEYS[1] bot_registry:follower, or session:{sid}:index:builder
-- ARGV[1] id of who asks
-- ARGV[2] JSON to be kept there, with that id as `id`; '' gives the place up
-- ARGV[3] milliseconds until the place is free again
-- ARGV[4] id of another one that is known to be gone, or ''
--
-- Output: '' done, else the JSON of who has the place
local found = redis.call('GET', KEYS[1])
if found then
  local is_json, other = pcall(cjson.decode, found)
  if is_json and type(other) == 'table' and other.id ~= ARGV[1] and other.id ~= ARGV[4] then return found end
end
if ARGV[2] == '' then redis.call('DEL', KEYS[1])
else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return ''
