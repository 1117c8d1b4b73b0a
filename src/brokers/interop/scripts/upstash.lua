-- Goes before the scripts that look into entries of @upstash/realtime.
-- ARGV[4]: the channel, which an entry must name.
-- What an entry says about itself: the position before it if tidings wrote it; its event, behind a 'j' if its data is JSON for certain
-- and behind a 't' if it may be plain text; its data; '' for what it lacks. The fourth value is what it weighs.
local function decode(fields)
  local prev, event, channel, data, kind, bytes = '', '', '', nil, 't', 0
  for at = 1, #fields, 2 do
    local name, value = fields[at], fields[at + 1]
    bytes = bytes + #value
    if name == 'data' then data = value
    elseif name == 'event' then event = value
    elseif name == 'channel' then channel = value
    elseif name == 'p' then prev = value
    elseif name == 'i' then kind = 'j'
    end
  end
  if not string.match(prev, '^%d+%-%d+$') then prev = '' end
  -- Others' entries must not make a page endless.
  if not data or event == '' or channel ~= ARGV[4] then return prev, '', '', math.max(bytes, 64) end
  return prev, kind .. event, data, #data
end
