-- Entries after a position, oldest first.
-- KEYS[1] the log. ARGV: the position (exclusive), bytes of JSON after which the page ends, most entries.
-- Replies with the log's last id, the id before the first entry when that entry does not say itself what was before it, and
-- then id, prev, event, JSON of each entry; behind prev, after a space, its trace context, if it has both.
local key = KEYS[1]
local limit, most = tonumber(ARGV[2]), tonumber(ARGV[3])
local reply, found, bytes = {'', ''}, 0, 0
local last
-- Nothing is above the largest id, and Redis refuses to look there.
local looking = ARGV[1] ~= '18446744073709551615-18446744073709551615'
local from = '(' .. ARGV[1]
-- Few at a time, for each one is copied whole: first one, then as many as may fit by the size of those seen.
local step = 1
while looking do
  local chunk = redis.call('XRANGE', key, from, '+', 'COUNT', step)
  for _, entry in ipairs(chunk) do
    local prev, event, json, size, trace = decode(entry[2])
    if found == 0 and prev == '' then reply[2] = id_before(key, entry[1]) end
    reply[#reply + 1] = entry[1]
    reply[#reply + 1] = trace and trace ~= '' and prev ~= '' and prev .. ' ' .. trace or prev
    reply[#reply + 1] = event
    reply[#reply + 1] = json
    found = found + 1
    bytes = bytes + size
    if bytes >= limit or found >= most then
      looking = false
      break
    end
  end
  if looking then
    if #chunk > 0 then from = '(' .. chunk[#chunk][1] end
    if #chunk < step then
      looking = false
      if found > 0 then last = chunk[#chunk] and chunk[#chunk][1] or reply[#reply - 3] end
    else
      local fit = math.ceil((limit - bytes) / math.max(bytes / found, 1))
      step = math.max(1, math.min(step * 2, 32, fit, most - found))
    end
  end
end
last = last or last_id(key)
if type(last) == 'table' then return last end
reply[1] = last
-- Who stood before the beginning has to know whether there was another log meanwhile.
if last == '0-0' then reply[1] = no_log() end
if last == '0-0' or string.sub(ARGV[1], 1, 2) == '0-' then reply[1] = reply[1] .. alive_since() end
return reply
