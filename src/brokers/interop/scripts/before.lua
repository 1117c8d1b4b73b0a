-- Goes before the scripts that look into entries.
-- The id of the entry that stands before another one. Where there is none: '0-0' if the other one is the first that the log ever
-- held, 'gone' if there were others; '' before Redis 7, which does not count them.
local function id_before(key, id)
  local entry = redis.call('XREVRANGE', key, '(' .. id, '-', 'COUNT', 1)[1]
  if entry then return entry[1] end
  local info = redis.pcall('XINFO', 'STREAM', key)
  local length, added
  for at = 1, #info, 2 do
    if info[at] == 'length' then length = info[at + 1]
    elseif info[at] == 'entries-added' then added = info[at + 1]
    end
  end
  if not length or not added then return '' end
  return length == added and '0-0' or 'gone'
end
