-- Goes before the scripts that look into entries of forrealtime.
-- What an entry says about itself: the position before it if tidings wrote it, nothing in place of the event, and its message, '' for
-- what it lacks. The fourth value is what it weighs.
local function decode(fields)
  local prev, message, bytes = '', '', 0
  for at = 1, #fields, 2 do
    local name, value = fields[at], fields[at + 1]
    bytes = bytes + #value
    if name == 'message' then message = value
    elseif name == 'p' then prev = value
    end
  end
  if not string.match(prev, '^%d+%-%d+$') then prev = '' end
  -- Others' entries must not make a page endless.
  return prev, '', message, message ~= '' and #message or math.max(bytes, 64)
end
