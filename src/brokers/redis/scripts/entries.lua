-- Goes before the scripts that look into entries.
-- What an entry says about itself: the position before it, its event and its JSON; '' for what it lacks. Only entries of
-- format version 1 have an event. The fourth value is what it weighs, the fifth its trace context, '' for none: its traceparent, and
-- before that, behind a '~', what else the tracer carries along, which stands in a field of its own, so that servers of an older
-- version do not see it. What is no trace context must not reach those who split it off.
local function decode(fields)
  local version, prev, event, json, bytes, trace, carried = '', '', '', '', 0, '', ''
  for at = 1, #fields, 2 do
    local name, value = fields[at], fields[at + 1]
    bytes = bytes + #value
    if name == 'v' then version = value
    elseif name == 'p' then prev = value
    elseif name == 'e' then event = value
    elseif name == 'd' then json = value
    elseif name == 't' then trace = value
    elseif name == 'c' then carried = value
    end
  end
  if not string.match(prev, '^%d+%-%d+$') then prev = '' end
  if version ~= '1' then return prev, '', '', bytes, '' end
  if trace == '' then return prev, event, json, #json, '' end
  if #trace ~= 55 or not string.match(trace, '^00%-[%da-f]+%-[%da-f]+%-[%da-f]+$') then return prev, event, json, #json, '' end
  if #carried <= 2048 and string.match(carried, '^[%w_*.+%%=&-]+$') then trace = '~' .. carried .. ' ' .. trace end
  return prev, event, json, #json + #trace, trace
end
-- The id of the entry that stands before another one, '' when there is none.
local function id_before(key, id)
  local entry = redis.call('XREVRANGE', key, '(' .. id, '-', 'COUNT', 1)[1]
  return entry and entry[1] or ''
end
