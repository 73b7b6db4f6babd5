-- Prefixed to the scripts that put delayed jobs by, or take them out.
--
-- They lie in `scheduled` by when they are due. When that is full it becomes a shelf, whole, under the queue's next
-- number, and another begins: so a submit never looks for its place among a million. `shelves` orders the
-- shelves by when their first job is due, or earlier. Jobs move to shelves of higher numbers alone, so that
-- whoever reads them in that order misses none.

local SHELF = 10000

local function shelf_key(queue, shelf) return order_key('scheduled', queue) .. '\n' .. shelf end
local function shelves(queue) return call('ZRANGE', order_key('shelves', queue), 0, -1) end

-- Puts a shelf to when its first job is due, or out of the order where it has none.
local function settle_shelf(queue, shelf)
  local first = call('ZRANGE', shelf_key(queue, shelf), 0, 0, 'WITHSCORES')
  if first[2] then
    call('ZADD', order_key('shelves', queue), first[2], shelf)
  else
    call('ZREM', order_key('shelves', queue), shelf)
  end
end

local function new_shelf(queue) return integer(call('HINCRBY', queue_key(queue), 'shelf', 1)) end

local function schedule(queue, id, due)
  local key = order_key('scheduled', queue)
  if call('ZCARD', key) >= SHELF then
    local shelf = new_shelf(queue)
    call('RENAME', key, shelf_key(queue, shelf))
    settle_shelf(queue, shelf)
  end
  call('ZADD', key, due, id)
end

-- Takes a job out of those that wait for their time. False where it is not among them.
local function unschedule(queue, id)
  if call('ZREM', order_key('scheduled', queue), id) == 1 then return true end
  for _, shelf in ipairs(shelves(queue)) do
    if call('ZREM', shelf_key(queue, shelf), id) == 1 then return true end
  end
  return false
end

local function delayed(queue)
  local number = call('ZCARD', order_key('scheduled', queue))
  for _, shelf in ipairs(shelves(queue)) do number = number + call('ZCARD', shelf_key(queue, shelf)) end
  return number
end
