#!lua flags=allow-oom
-- Renews the leases of a worker's living holders and says that the worker lives, and what it knows.
-- KEYS: none.
-- ARGV: worker, facts about the worker (JSON), key of the tasks that it knows, holder...
-- Returns the holders that were released meanwhile.
call('SET', P .. 'worker:' .. ARGV[1], ARGV[2], 'PX', math.floor(LEASE / 1000))
call('ZADD', P .. 'workers', NOW + LEASE, ARGV[1])
call('EXPIRE', ARGV[3], 86400)
local gone = {}
for i = 4, #ARGV do
  if call('ZSCORE', P .. 'leases', ARGV[i]) then
    call('ZADD', P .. 'leases', 'XX', NOW + LEASE, ARGV[i])
  elseif call('HEXISTS', holder_key(ARGV[i]), 'gone') == 1 then
    gone[#gone + 1] = ARGV[i]
  end
end
return gone
