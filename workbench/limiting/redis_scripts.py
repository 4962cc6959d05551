"""What Redis runs for a limit: one atomic statement each, time by the server, every key with an end of its life.

A script sees and changes all counters of an object at once, so the lines count all or none. Keys of one object share
the hash tag in braces, so that a cluster keeps them together.
"""

from __future__ import annotations

from hashlib import sha1

# A counter is one text: start of its window, calls in it, then of its last call: seconds, microseconds, address, CID.
_NOW = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local function window(key, period)
  local text = redis.call('GET', key)
  if text then
    local start, used = string.match(text, '^(%d+) (%d+)')
    start = tonumber(start)
    if now < start + period and now >= start - period then return start, tonumber(used), text end
  end
  return now - now % period, 0, nil
end
local function store(key, start, used, period, tail)
  redis.call('SET', key, start .. ' ' .. used .. tail, 'PXAT', (start + 2 * period) * 1000)
end
"""

# The commonest question by far: everyone together, nobody told.
_PLAIN = (
    _NOW
    + """
local lines = tonumber(ARGV[1])
local tail = ' ' .. time[1] .. ' ' .. time[2] .. ' ' .. ARGV[#ARGV - 1] .. ' ' .. ARGV[#ARGV]
local starts, useds, texts = {}, {}, {}
for line = 1, lines do
  local start, used, text = window(KEYS[line], tonumber(ARGV[2 * line + 3]))
  if used >= tonumber(ARGV[2 * line + 2]) then return {line, text or ''} end
  starts[line], useds[line] = start, used
end
for line = 1, lines do
  store(KEYS[line], starts[line], useds[line] + 1, tonumber(ARGV[2 * line + 3]), tail)
end
return 0
"""
)

# KEYS: a line's counter; with addresses apart, also the number of addresses and the counter beyond the most of them.
# ARGV: lines, told, most, then rate and period of each line, then address and CID.
_CALENDAR = (
    _NOW
    + """
local lines, told, most = tonumber(ARGV[1]), ARGV[2] == '1', tonumber(ARGV[3])
local tail = ' ' .. time[1] .. ' ' .. time[2] .. ' ' .. ARGV[#ARGV - 1] .. ' ' .. ARGV[#ARGV]
local full, keys, starts, useds, news, state, texts = 0, {}, {}, {}, {}, {}, {}
for line = 1, lines do
  local rate, period = tonumber(ARGV[2 * line + 2]), tonumber(ARGV[2 * line + 3])
  local key = most > 0 and KEYS[3 * line - 2] or KEYS[line]
  local start, used, text = window(key, period)
  if most > 0 and not text then
    local _, crowd = window(KEYS[3 * line - 1], period)
    if crowd >= most then
      key = KEYS[3 * line]
      start, used, text = window(key, period)
    else
      news[line] = crowd + 1
    end
  end
  if full == 0 and used >= rate then full = line end
  keys[line], starts[line], useds[line], texts[line] = key, start, used, text
  state[2 * line - 1], state[2 * line] = used, tostring(start + period - now)
end
if full > 0 then
  return {full, texts[full] or '', unpack(state)}
end
for line = 1, lines do
  local period = tonumber(ARGV[2 * line + 3])
  store(keys[line], starts[line], useds[line] + 1, period, tail)
  if news[line] then store(KEYS[3 * line - 1], now - now % period, news[line], period, '') end
  state[2 * line - 1] = useds[line] + 1
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
local tail = time[1] .. ' ' .. time[2] .. ' ' .. ARGV[#ARGV - 1] .. ' ' .. ARGV[#ARGV]
local full, keys, news, state = 0, {}, {}, {}
local function call(key, place)
  local seconds, micros = string.match(redis.call('LINDEX', key, place), '^(%d+) (%d+)')
  return seconds + micros / 1000000
end
local function used(key, period)
  local length = redis.call('LLEN', key)
  local low, high = 0, length
  while low < high do
    local middle = math.floor((low + high) / 2)
    if now - call(key, middle) <= period then high = middle else low = middle + 1 end
  end
  if low == length then return 0, period end
  return length - low, call(key, low) + period - now
end
for line = 1, lines do
  local rate, period = tonumber(ARGV[2 * line + 2]), tonumber(ARGV[2 * line + 3])
  local key = most > 0 and KEYS[3 * line - 2] or KEYS[line]
  local length = redis.call('LLEN', key)
  if most > 0 and length == 0 then
    local _, crowd = window(KEYS[3 * line - 1], period)
    if crowd >= most then
      key = KEYS[3 * line]
      length = redis.call('LLEN', key)
    else
      news[line] = crowd + 1
    end
  end
  if rate == 0 or (length >= rate and now - call(key, length - rate) <= period) then
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
  return {full, text and '0 0 ' .. text or '', unpack(state)}
end
for line = 1, lines do
  local rate, period = tonumber(ARGV[2 * line + 2]), tonumber(ARGV[2 * line + 3])
  redis.call('RPUSH', keys[line], tail)
  redis.call('LTRIM', keys[line], -rate, -1)
  redis.call('PEXPIRE', keys[line], 2 * period * 1000)
  if news[line] then store(KEYS[3 * line - 1], now - now % period, news[line], period, '') end
  if told then state[2 * line - 1] = state[2 * line - 1] + 1 end
end
if told then return {0, '', unpack(state)} end
return 0
"""
)

# KEYS: counter. ARGV: rate, period, wanted. Answers calls granted, start of their window, now.
_LEASE = (
    _NOW
    + """
local rate, period, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local start, used = window(KEYS[1], period)
local granted = math.max(0, math.min(wanted, rate - used))
if granted > 0 then store(KEYS[1], start, used + granted, period, '') end
return {granted, start, time[1], time[2]}
"""
)

# KEYS: counter. ARGV: period, calls to put back, start of the window they were granted in.
_GIVE_BACK = (
    _NOW
    + """
local period, number, granted_in = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local start, used = window(KEYS[1], period)
if start == granted_in then store(KEYS[1], start, math.max(0, used - number), period, '') end
return 0
"""
)


class Script:
    """A script by its text and by the digest under which the server keeps it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.digest = sha1(text.encode(), usedforsecurity=False).hexdigest()


PLAIN, CALENDAR, SLIDING = Script(_PLAIN), Script(_CALENDAR), Script(_SLIDING)
LEASE, GIVE_BACK = Script(_LEASE), Script(_GIVE_BACK)
