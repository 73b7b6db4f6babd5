#!lua flags=allow-oom
-- Ends jobs that do not run, and asks the workers of those that do to stop them; one whose attempt is left
-- alone gets no other.
-- KEYS: none.
-- ARGV: reason (for the result), 1 to stop running ones too, id...
-- Returns a word for each id: 'revoked', 'asked' (its worker will stop it), 'running' (this attempt may end),
-- 'ended' (long ago), 'unknown'.
local told = {}
for i = 3, #ARGV do
  local job = read(ARGV[i])
  local word = 'ended'
  if not job.state then
    word = 'unknown'
  elseif revoke(job, ARGV[1]) then
    word = 'revoked'
  elseif job.state == 'STARTED' then
    word = ARGV[2] == '1' and 'asked' or 'running'
    call('HSET', job_key(job.id), 'also', 1, 'cancel', ARGV[1])
    if word == 'asked' then call('HSET', P .. 'cancels', job.id, job.token) end
  end
  told[#told + 1] = word
end
return told
