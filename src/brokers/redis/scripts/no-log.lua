-- Goes before the scripts that readers ask.
-- Since when the server lives, in milliseconds, behind a space; '' when its user may not ask. It began in a second that it tells, and is
-- taken to have begun at the end of it.
local function alive_since(now)
  local info = redis.pcall('INFO', 'server')
  local up = type(info) == 'string' and string.match(info, 'uptime_in_seconds:(%d+)')
  if not up then return '' end
  -- Both by the clock that it looked at last, which may lag.
  local at = string.match(info, 'server_time_usec:(%d+)')
  local second = at and math.floor(at / 1000000) or now[1]
  return string.format(' %.0f', (second - up + 1) * 1000 - 1)
end
-- What stands for the last id of a log that is not there: the time, as '0-<milliseconds>'.
local function no_log(now)
  return string.format('0-%.0f', now[1] * 1000 + math.floor(now[2] / 1000))
end
