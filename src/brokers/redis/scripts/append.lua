-- Stores one entry and announces it.
-- KEYS[1] the log; KEYS[2] the caller's own id for the event, if there is one.
-- ARGV: entries to keep ('' keeps all), idle ms to live ('' lives for ever), live channel, event, JSON, emit id, PUBLISH or SPUBLISH,
-- most bytes of JSON to announce, ms for which a caller's id is remembered, traceparent ('' for none), what else the tracer carries
-- along ('' for nothing).
-- Replies with the entry's id, or with the id and what went wrong after it was stored.
local key, keep, ttl = KEYS[1], ARGV[1], ARGV[2]
local event, json, trace, carried = ARGV[4], ARGV[5], ARGV[10], ARGV[11]
if KEYS[2] then
  local earlier = redis.call('GET', KEYS[2])
  if earlier then return earlier end
end
local prev = last_id(key)
if type(prev) == 'table' then return prev end
local traced = trace == '' and {} or carried == '' and {'t', trace} or {'t', trace, 'c', carried}
local id
if keep == '' then
  id = redis.call('XADD', key, '*', 'v', '1', 'p', prev, 'e', event, 'd', json, 'i', ARGV[6], unpack(traced))
else
  id = redis.call('XADD', key, 'MAXLEN', '=', keep, '*', 'v', '1', 'p', prev, 'e', event, 'd', json, 'i', ARGV[6], unpack(traced))
end
-- The entry is stored. An error from here on must not look as if it were not.
local remembered = KEYS[2] and redis.pcall('SET', KEYS[2], id, 'PX', ARGV[9])
local expired
if ttl == '' then
  expired = redis.pcall('PERSIST', key)
else
  expired = redis.pcall('PEXPIRE', key, ttl)
end
local announcement = id .. ' ' .. prev .. ' ' .. keep
-- Lua copies a long text several times over: those who listen read it from the log, once in each process.
if #json <= tonumber(ARGV[8]) then
  announcement = announcement .. ' ' .. event .. ' ' .. json
  -- At the end: who does not know of it takes it for JSON that cannot be read, and reads the entry from the log.
  if carried ~= '' then announcement = announcement .. ' ~' .. carried end
  if trace ~= '' then announcement = announcement .. ' ' .. trace end
end
local published = redis.pcall(ARGV[7], ARGV[3], announcement)
-- Before Redis 7 a cluster has no sharded channels, and tells all its servers of every message.
if ARGV[7] == 'SPUBLISH' and type(published) == 'table' and published.err then
  published = redis.pcall('PUBLISH', ARGV[3], announcement)
end
local expire_error = type(expired) == 'table' and expired.err or ''
local publish_error = type(published) == 'table' and published.err or ''
local once_error = type(remembered) == 'table' and remembered.err or ''
if expire_error == '' and publish_error == '' and once_error == '' then return id end
return {id, expire_error, publish_error, once_error}
