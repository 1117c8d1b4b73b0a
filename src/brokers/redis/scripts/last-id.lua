-- Goes before the other scripts.
-- The position at the end of a log: its newest entry's id. A log that keeps nothing still knows the id it gave last.
local function last_id(key)
  local newest = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
  if newest then return newest[1] end
  if redis.call('EXISTS', key) == 0 then return '0-0' end
  -- By name: the reply has grown from version to version.
  local info = redis.call('XINFO', 'STREAM', key)
  for at = 1, #info, 2 do
    if info[at] == 'last-generated-id' then return info[at + 1] end
  end
  return redis.error_reply('ERR XINFO STREAM has no last-generated-id')
end
