-- Appends an entry and sets the expiry of its stream.
-- KEYS[1] the stream. ARGV: entries to keep ('' keeps all), seconds to live, the message.
local id
if ARGV[1] == '' then
  id = redis.call('XADD', KEYS[1], '*', 'message', ARGV[3])
else
  id = redis.call('XADD', KEYS[1], 'MAXLEN', '=', ARGV[1], '*', 'message', ARGV[3])
end
-- The entry is stored. An error from here on must not look as if it were not.
redis.pcall('EXPIRE', KEYS[1], ARGV[2])
return id
