#!lua
-- Keeps a piece of a stored result. A call that is sent again changes nothing.
-- KEYS: none.
-- ARGV: id, token, number of the piece (0 begins anew), its bytes, ms that what is there is kept unless the
--       attempt is recorded, bytes of the whole (with the last piece; else '').
-- Returns 1; 0 where the piece before it is gone, as after a Redis that came back without its last writes.
local key = stored_key(ARGV[1], ARGV[2])
if ARGV[3] == '0' then
  call('UNLINK', key)
elseif call('HEXISTS', key, tonumber(ARGV[3]) - 1) == 0 then
  return 0
end
call('HSET', key, ARGV[3], ARGV[4])
if ARGV[6] ~= '' then call('HSET', key, 'size', ARGV[6]) end
call('PEXPIRE', key, ARGV[5])
return 1
