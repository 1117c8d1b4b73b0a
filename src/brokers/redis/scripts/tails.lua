-- Where several logs end.
-- KEYS, or ARGV when there are none: the logs. Replies with the last id of each, '' for one that cannot be looked at here just now.
local reply = {}
for at, key in ipairs(#KEYS > 0 and KEYS or ARGV) do
  local ok, last = pcall(last_id, key)
  reply[at] = ok and type(last) == 'string' and last or ''
end
return reply
