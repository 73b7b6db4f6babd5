#!lua flags=allow-oom
-- Takes holders out for good: their processes ended. What they held goes back to its queue.
-- KEYS: none.
-- ARGV: cause ('' where a worker was told to stop: then nothing counts against its jobs), holder...
-- Returns how many running attempts were taken back.
local lost = 0
for i = 2, #ARGV do
  if release(ARGV[i], ARGV[1] ~= '' and ARGV[1] or nil) then lost = lost + 1 end
end
return lost
