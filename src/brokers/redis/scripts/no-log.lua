-- Goes before the scripts that readers ask. Who may not ask for the time, or about the server, is told of neither.
-- Since when the server lives, in milliseconds, behind a space. It began in a second that it tells, and is taken to have begun at its end.
local function alive_since()
  local info = redis.pcall('INFO', 'server')
  local up = type(info) == 'string' and string.match(info, 'uptime_in_seconds:(%d+)')
  -- Both by the clock that it looked at last.
  local at = up and string.match(info, 'server_time_usec:(%d+)')
  if not at then return '' end
  return string.format(' %.0f', (math.floor(at / 1000000) - up + 1) * 1000 - 1)
end
-- What stands for the last id of a log that is not there: the time, as '0-<milliseconds>'.
local function no_log()
  local now = redis.pcall('TIME')
  if now.err then return '0-0' end
  return string.format('0-%.0f', now[1] * 1000 + math.floor(now[2] / 1000))
end
