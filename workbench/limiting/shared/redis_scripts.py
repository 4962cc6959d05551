"""What Redis runs for a limit: one atomic statement each, time by the server, every key with an end of its life.

A script sees and changes all counters of an object at once, so the lines count all or none. Keys of one object share
the hash tag in braces, so that a cluster keeps them together.
"""

from __future__ import annotations

from hashlib import sha1

# A counter of a window is a number under a key that ends with the window's start; beside it, once it is full, the call
# that filled it: seconds, microseconds, address, CID.
_NOW = """
local time = redis.call('TIME')
local now = tonumber(time[1])
local function window(key, period) return key .. ':' .. (now - now % period) end
local function used_of(key) return tonumber(redis.call('GET', key) or 0) end
local function count(key, number, period)
  local used = redis.call('INCRBY', key, number)
  if used == number then redis.call('PEXPIREAT', key, (now - now % period + 2 * period) * 1000) end
  return used
end
"""

# The commonest question by far: one line, everyone together, nobody told.
_ONE = """
local time = redis.call('TIME')
local rate, period, now = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(time[1])
local start = now - now % period
local key = KEYS[1] .. ':' .. start
local used = redis.call('INCR', key)
if used == 1 then redis.call('PEXPIREAT', key, (start + 2 * period) * 1000) end
if used < rate then return 0 end
if used == rate then
  local call = time[1] .. ' ' .. time[2] .. ' ' .. ARGV[6] .. ' ' .. ARGV[7]
  redis.call('SET', key .. ':last', call, 'PXAT', (start + 2 * period) * 1000)
  return 0
end
redis.call('DECR', key)
return {1, redis.call('GET', key .. ':last') or ''}
"""

# KEYS: a line's counter; with addresses apart, also the number of addresses and the counter beyond the most of them.
# ARGV: lines, told, most, then rate and period of each line, then address and CID.
_CALENDAR = (
    _NOW
    + """
local lines, told, most = tonumber(ARGV[1]), ARGV[2] == '1', tonumber(ARGV[3])
local full, keys, useds, news, state = 0, {}, {}, {}, {}
for line = 1, lines do
  local rate, period = tonumber(ARGV[2 * line + 2]), tonumber(ARGV[2 * line + 3])
  local key = window(most > 0 and KEYS[3 * line - 2] or KEYS[line], period)
  local used = used_of(key)
  if most > 0 and used == 0 and redis.call('EXISTS', key) == 0 then
    local crowd = window(KEYS[3 * line - 1], period)
    if used_of(crowd) >= most then
      key = window(KEYS[3 * line], period)
      used = used_of(key)
    else
      news[line] = crowd
    end
  end
  if full == 0 and used >= rate then full = line end
  keys[line], useds[line] = key, used
  if told then state[2 * line - 1], state[2 * line] = used, tostring(period - now % period - time[2] / 1000000) end
end
if full > 0 then return {full, redis.call('GET', keys[full] .. ':last') or '', unpack(state)} end
for line = 1, lines do
  local rate, period = tonumber(ARGV[2 * line + 2]), tonumber(ARGV[2 * line + 3])
  local used = count(keys[line], 1, period)
  if used == rate then
    local call = time[1] .. ' ' .. time[2] .. ' ' .. ARGV[#ARGV - 1] .. ' ' .. ARGV[#ARGV]
    redis.call('SET', keys[line] .. ':last', call, 'PXAT', (now - now % period + 2 * period) * 1000)
  end
  if news[line] then count(news[line], 1, period) end
  if told then state[2 * line - 1] = used end
end
if told then return {0, '', unpack(state)} end
return 0
"""
)

# A counter is a list of its newest calls: seconds, microseconds, address, CID.
_SLIDING = (
    _NOW
    + """
local lines, told, most = tonumber(ARGV[1]), ARGV[2] == '1', tonumber(ARGV[3])
now = now + time[2] / 1000000
local tail = time[1] .. ' ' .. time[2] .. ' ' .. ARGV[#ARGV - 1] .. ' ' .. ARGV[#ARGV]
local full, keys, news, state = 0, {}, {}, {}
local function instant(key, place)
  local seconds, micros = string.match(redis.call('LINDEX', key, place), '^(%d+) (%d+)')
  return seconds + micros / 1000000
end
local function used(key, period)
  local length = redis.call('LLEN', key)
  local low, high = 0, length
  while low < high do
    local middle = math.floor((low + high) / 2)
    if now - instant(key, middle) <= period then high = middle else low = middle + 1 end
  end
  if low == length then return 0, period end
  return length - low, instant(key, low) + period - now
end
for line = 1, lines do
  local rate, period = tonumber(ARGV[2 * line + 2]), tonumber(ARGV[2 * line + 3])
  local key = most > 0 and KEYS[3 * line - 2] or KEYS[line]
  local length = redis.call('LLEN', key)
  if most > 0 and length == 0 then
    local crowd = window(KEYS[3 * line - 1], period)
    if used_of(crowd) >= most then
      key = KEYS[3 * line]
      length = redis.call('LLEN', key)
    else
      news[line] = crowd
    end
  end
  if rate == 0 or (length >= rate and now - instant(key, length - rate) <= period) then
    if full == 0 then full = line end
  end
  keys[line] = key
end
if told then
  for line = 1, lines do
    local count, wait = used(keys[line], tonumber(ARGV[2 * line + 3]))
    state[2 * line - 1], state[2 * line] = count, tostring(wait)
  end
end
if full > 0 then
  local text = redis.call('LINDEX', keys[full], -1)
  return {full, text and text or '', unpack(state)}
end
for line = 1, lines do
  local rate, period = tonumber(ARGV[2 * line + 2]), tonumber(ARGV[2 * line + 3])
  redis.call('RPUSH', keys[line], tail)
  redis.call('LTRIM', keys[line], -rate, -1)
  redis.call('PEXPIRE', keys[line], 2 * period * 1000)
  if news[line] then count(news[line], 1, period) end
  if told then state[2 * line - 1] = state[2 * line - 1] + 1 end
end
if told then return {0, '', unpack(state)} end
return 0
"""
)

# KEYS: counter. ARGV: rate, period, wanted. Answers calls granted, start of their window, now in two parts, and
# calls left.
_LEASE = (
    _NOW
    + """
local rate, period, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local key = window(KEYS[1], period)
local granted = math.max(0, math.min(wanted, rate - used_of(key)))
if granted > 0 then count(key, granted, period) end
return {granted, now - now % period, time[1], time[2], math.max(0, rate - used_of(key))}
"""
)

# KEYS: counter. ARGV: calls to put back, start of the window they were granted in.
_GIVE_BACK = """
local key = KEYS[1] .. ':' .. ARGV[2]
if tonumber(redis.call('GET', key) or 0) >= tonumber(ARGV[1]) then redis.call('DECRBY', key, ARGV[1]) end
return 0
"""


class Script:
    """A script by its text and by the digest under which the server keeps it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.digest = sha1(text.encode(), usedforsecurity=False).hexdigest()


ONE, CALENDAR, SLIDING = Script(_ONE), Script(_CALENDAR), Script(_SLIDING)
LEASE, GIVE_BACK = Script(_LEASE), Script(_GIVE_BACK)
