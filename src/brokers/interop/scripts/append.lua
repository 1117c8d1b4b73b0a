-- Stores one entry in a log that belongs to another library: nothing is trimmed and nothing expires.
-- KEYS[1] the log; KEYS[2] the caller's own id for the event, if there is one.
-- ARGV: emit id, ms for which a caller's id is remembered, channel to announce the entry on ('' for none), the announcement up to the
-- entry's id, how many names and values of fields follow, and those.
-- Replies with the entry's id, or with the id and what went wrong after it was stored.
local key = KEYS[1]
if KEYS[2] then
  local earlier = redis.call('GET', KEYS[2])
  if earlier then return earlier end
end
local prev = last_id(key)
if type(prev) == 'table' then return prev end
local fields = {}
for at = 6, 5 + ARGV[5] do fields[#fields + 1] = ARGV[at] end
-- Two more than the other library writes. Its readers skip them.
for _, own in ipairs({'p', prev, 'i', ARGV[1]}) do fields[#fields + 1] = own end
local id = redis.call('XADD', key, '*', unpack(fields))
-- The entry is stored. An error from here on must not look as if it were not.
local remembered = KEYS[2] and redis.pcall('SET', KEYS[2], id, 'PX', ARGV[2])
local published = ARGV[3] ~= '' and redis.pcall('PUBLISH', ARGV[3], ARGV[4] .. id .. '"}')
local publish_error = type(published) == 'table' and published.err or ''
local once_error = type(remembered) == 'table' and remembered.err or ''
if publish_error == '' and once_error == '' then return id end
return {id, '', publish_error, once_error}
