-- Prefixed to the scripts that count what happens to jobs, for whoever watches (tally.py has the numbers' places).
--
-- `tally` of a queue and a task is a row of numbers that only rise; `seen` of a queue names the tasks that have one.

local MEASURES = @MEASURES@
local SPANS = @SPANS_US@ -- their ends, in us; the last has none
@PLACES@

local function tally(queue, task, ...)
  local row = order_key('tally', queue) .. '\n' .. task
  local told = call('BITFIELD', row, ...)
  if told[1] == 1 and call('SADD', order_key('seen', queue), task) == 1 then
    call('BITFIELD', row, 'SET', 'i64', '#' .. AT_NTH, call('SCARD', order_key('seen', queue)))
  end
end

-- An event, by its place.
local function count(queue, task, place)
  if MEASURES then tally(queue, task, 'INCRBY', 'i64', '#' .. place, '1') end
end

-- How long something took, by the place of its first span; and of the event with which it ended, if any.
local function observe(queue, task, times, us, place)
  if not MEASURES then return end
  local span = 0
  while span < #SPANS and us > SPANS[span + 1] do span = span + 1 end
  us = math.max(us, 0) -- the clock may have been set back
  if place then
    tally(queue, task, 'INCRBY', 'i64', '#' .. (times + span), '1', 'INCRBY', 'i64', '#' .. (times + SUM), us,
      'INCRBY', 'i64', '#' .. place, '1')
  else
    tally(queue, task, 'INCRBY', 'i64', '#' .. (times + span), '1', 'INCRBY', 'i64', '#' .. (times + SUM), us)
  end
end
