"""The two scripts of a reader: taking the consumer group over, and reading for it.

Whose the group is stands beside the stream: `reader_name`, and `reader`, a number that only grows.
A higher number under another name is a successor; a lower one, or none, means that Redis has lost
what it knew of us.
"""

from typing import Final

OPEN: Final = b"""#!lua flags=allow-oom
local entries, marks, group, name, after = KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3]
local owner = redis.call('HMGET', marks, 'reader', 'reader_name')
local current, mine = tonumber(owner[1] or 0), tonumber(ARGV[4])
if mine > 0 and owner[2] ~= name and current > mine then return {current, 0} end
local time = redis.call('TIME')
local number = math.max(time[1] * 1000000 + time[2], current + 1)
redis.call('HSET', marks, 'reader', string.format('%.0f', number), 'reader_name', name)
local made = redis.pcall('XGROUP', 'CREATE', entries, group, after, 'MKSTREAM')
if made.err and not string.find(made.err, 'BUSYGROUP') then return made end
if not made.err then return {number, 1} end
local cursor = '0-0'
repeat
  local claimed = redis.call('XAUTOCLAIM', entries, group, name, 0, cursor, 'COUNT', 1000, 'JUSTID')
  -- The third part names entries that were trimmed: they are pending no more and need no answer.
  cursor = claimed[1]
  if #claimed[2] > 0 then redis.call('XACK', entries, group, unpack(claimed[2])) end
until cursor == '0-0'
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', entries, group)) do
  if consumer[2] ~= name then
    redis.call('XGROUP', 'DELCONSUMER', entries, group, consumer[2])
  end
end
redis.call('XGROUP', 'SETID', entries, group, after)
return {number, 1}
"""
"""Entries and marks; group, name, the id to begin behind, own number or 0. Returns a number and 1,
or the successor's number and 0."""

READ: Final = b"""
local entries, marks, group, name = KEYS[1], KEYS[2], ARGV[1], ARGV[2]
local owner = redis.call('HMGET', marks, 'reader', 'reader_name')
if owner[2] ~= name then return {tonumber(owner[1] or 0), 0, false} end
local found = redis.pcall(
  'XREADGROUP', 'GROUP', group, name, 'COUNT', ARGV[3], 'STREAMS', entries, '>')
if found and found.err then
  if string.find(found.err, 'NOGROUP') then return {0, 0, false} end
  return found
end
return {0, 1, found and found[1][2]}
"""
"""Entries and marks; group, name, how many. Returns the owner's number, whether it is the asker,
and the entries or nothing."""
