-- Goes before the scripts that look into entries.
-- What an entry says about itself: the position before it, its event and its JSON; '' for what it lacks. Only entries of
-- format version 1 have an event. The fourth value is what it weighs, the fifth its trace context, '' for none.
local function decode(fields)
  local version, prev, event, json, bytes, trace = '', '', '', '', 0, ''
  for at = 1, #fields, 2 do
    local name, value = fields[at], fields[at + 1]
    bytes = bytes + #value
    if name == 'v' then version = value
    elseif name == 'p' then prev = value
    elseif name == 'e' then event = value
    elseif name == 'd' then json = value
    elseif name == 't' then trace = value
    end
  end
  if not string.match(prev, '^%d+%-%d+$') then prev = '' end
  if version ~= '1' then return prev, '', '', bytes, '' end
  return prev, event, json, #json, trace
end
-- The id of the entry that stands before another one, '' when there is none.
local function id_before(key, id)
  local entry = redis.call('XREVRANGE', key, '(' .. id, '-', 'COUNT', 1)[1]
  return entry and entry[1] or ''
end
