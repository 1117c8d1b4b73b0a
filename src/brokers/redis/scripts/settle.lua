-- Looks for entries whose fate is not known to who added them.
-- KEYS[1] the log. ARGV: milliseconds since the oldest of them was sent, most entries and most bytes to look at, then their emit ids.
-- Replies with what that proves of those that were not found, and then the id of each, '' when it was not found. '1': they were never
-- stored. 'new': the log was born since, or is not there, and they were not stored in this life of it. '': nothing.
local key = KEYS[1]
local reply, at_of, missing = {''}, {}, #ARGV - 3
for at = 4, #ARGV do
  reply[at - 2] = ''
  at_of[ARGV[at]] = at - 2
end
local now = redis.call('TIME')
local from_ms = math.max(0, now[1] * 1000 + math.floor(now[2] / 1000) - ARGV[1])
local from = string.format('%.0f', from_ms)
local to, step, looked, bytes, all = '+', 1, 0, 0, false
while missing > 0 and not all and looked < tonumber(ARGV[2]) and bytes < tonumber(ARGV[3]) do
  local chunk = redis.call('XREVRANGE', key, to, from, 'COUNT', step)
  for _, entry in ipairs(chunk) do
    local fields = entry[2]
    for at = 1, #fields, 2 do
      bytes = bytes + #fields[at + 1]
      if fields[at] == 'i' and at_of[fields[at + 1]] then
        reply[at_of[fields[at + 1]]] = entry[1]
        missing = missing - 1
      end
    end
  end
  looked = looked + #chunk
  all = #chunk < step
  if not all then to = '(' .. chunk[#chunk][1] end
  step = math.min(step * 2, 64)
end
if missing > 0 and all then
  local oldest = redis.call('XRANGE', key, '-', '+', 'COUNT', 1)[1]
  if oldest and redis.call('XREVRANGE', key, '(' .. from .. '-0', '-', 'COUNT', 1)[1] then
    reply[1] = '1'
  else
    -- Nothing of that time was trimmed if the log says of its oldest entry, or of its end, that what came before lies further back.
    local before = oldest and decode(oldest[2]) or last_id(key)
    local ms = type(before) == 'string' and string.match(before, '^(%d+)%-')
    if ms and tonumber(ms) < from_ms then reply[1] = before == '0-0' and 'new' or '1' end
  end
end
return reply
