#!lua flags=allow-oom
-- Forgets ended jobs before their retention is over.
-- KEYS: none.
-- ARGV: id...
-- Returns a word for each id: 'discarded', 'unfinished' (left alone), 'unknown'.
local told = {}
for i = 1, #ARGV do
  local job = read(ARGV[i])
  if not job.state then
    told[i] = 'unknown'
  elseif not COUNTER[job.state] then
    told[i] = 'unfinished'
  else
    call('ZREM', order_key(COUNTER[job.state], job.queue), job.id)
    forget(job.id)
    told[i] = 'discarded'
  end
end
return told
