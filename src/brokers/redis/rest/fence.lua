-- Goes before a script that must not run any more once someone has looked in vain for what it does. Over HTTP a request whose answer
-- was lost can still be under way, and there is no connection that could be closed to stop it.
-- The last of ARGV: the key that says so.
if redis.call('EXISTS', ARGV[#ARGV]) == 1 then return redis.error_reply('FENCED given up by its sender') end
