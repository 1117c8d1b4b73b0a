-- Where the newest entries of a range begin.
-- KEYS[1] the log. ARGV: how many entries, first and last id of the range (inclusive; '-' and '+' for none).
-- Replies with the log's last id and, if there is such an entry, with the oldest one's id, its prev, and the id before it when
-- it does not say itself what was before it.
local key, wanted, first = KEYS[1], tonumber(ARGV[1]), ARGV[2]
local last = last_id(key)
if type(last) == 'table' then return last end
if last == '0-0' then return {no_log() .. alive_since()} end
if wanted < 1 then return {last} end
local oldest
if first == '-' and ARGV[3] == '+' and redis.call('XLEN', key) <= wanted then
  oldest = redis.call('XRANGE', key, '-', '+', 'COUNT', 1)[1]
else
  -- Few at a time, for each one is copied whole.
  local to, step = ARGV[3], 1
  while wanted > 0 do
    local chunk = redis.call('XREVRANGE', key, to, first, 'COUNT', math.min(step, wanted))
    if #chunk == 0 then break end
    oldest = chunk[#chunk]
    if #chunk < math.min(step, wanted) then break end
    wanted = wanted - #chunk
    to = '(' .. oldest[1]
    step = math.min(step * 2, 32)
  end
end
if not oldest then return {last} end
local prev = decode(oldest[2])
return {last, oldest[1], prev, prev == '' and id_before(key, oldest[1]) or ''}
