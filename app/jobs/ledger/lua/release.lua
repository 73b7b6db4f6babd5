#!lua flags=allow-oom
-- Takes holders out for good: their processes ended. What they held goes back to its queue.
-- KEYS: none.
-- ARGV: cause ('' where a worker was told to stop: then nothing counts against its jobs), the worker if it
--       ends as well, else '', holder...
-- Returns how many running attempts were taken back.
local lost = 0
if ARGV[2] ~= '' then
  call('ZREM', P .. 'workers', ARGV[2])
  call('DEL', P .. 'worker:' .. ARGV[2])
end
for i = 3, #ARGV do
  if release(ARGV[i], ARGV[1] ~= '' and ARGV[1] or nil) then lost = lost + 1 end
end
return lost
