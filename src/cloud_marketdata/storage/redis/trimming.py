"""The script that removes entries, with everything that is kept beside them.

It walks from the oldest entry on and stops where no later one can be old enough: the stream knows
how far a receipt ever stayed behind an earlier entry's. Removed at the head, entries go by MINID;
behind one that stays, one by one.
"""

from typing import Final

from cloud_marketdata.storage.ports import Stream
from cloud_marketdata.storage.redis.client import Client
from cloud_marketdata.storage.redis.keys import Keys
from cloud_marketdata.storage.redis.spans import entry_id, halves

_SCRIPT: Final = b"""
local entries, times, marks = KEYS[1], KEYS[2], KEYS[3]
local from, upto, high, low = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local newest = redis.call('XREVRANGE', entries, '+', '-', 'COUNT', 1)[1]
if not newest then return {0, ''} end
local stored = redis.call('HMGET', marks, 'end_id', 'lag', 'trimmed')
local stop = high * 4096 + math.floor(low / 1048576) + tonumber(stored[2] or 0) + 1
local page = redis.call('XRANGE', entries, from, upto, 'COUNT', ARGV[5])
local next_from = ''
if #page == tonumber(ARGV[5]) then next_from = '(' .. page[#page][1] end
local members, behind, first_kept, last_gone = {}, {}, nil, nil
if from ~= '-' then first_kept = from end
for i = 1, #page do
  local id, stamp = page[i][1], page[i][2][2]
  local got_high, got_low = struct.unpack('>I4I4', stamp, 18)
  if got_high * 4096 + math.floor(got_low / 1048576) > stop then
    next_from = ''
    first_kept = first_kept or id
    break
  end
  local old = got_high < high or (got_high == high and got_low < low)
  if old and id ~= newest[1] and id ~= stored[1] then
    local ms, seq = string.match(id, '^(%d+)-(%d+)$')
    local position = struct.pack('>I4I4', math.floor(ms / 4096), ms % 4096 * 1048576 + seq)
    table.insert(members, string.sub(stamp, 1, 9) .. position .. string.sub(stamp, 10, 17))
    if first_kept then table.insert(behind, id) end
    last_gone = id
  else
    first_kept = first_kept or id
  end
end
if last_gone then
  local minimum = first_kept
  if not minimum then
    local ms, seq = string.match(last_gone, '^(%d+)-(%d+)$')
    minimum = ms .. '-' .. string.format('%.0f', seq + 1)
  end
  if from == '-' then redis.call('XTRIM', entries, 'MINID', '=', minimum) end
  if #behind > 0 then redis.call('XDEL', entries, unpack(behind)) end
  redis.call('ZREM', times, unpack(members))
  local before_ms, before_seq = string.match(stored[3] or '0-0', '^(%d+)-(%d+)$')
  local ms, seq = string.match(last_gone, '^(%d+)-(%d+)$')
  before_ms, before_seq, ms, seq =
    tonumber(before_ms), tonumber(before_seq), tonumber(ms), tonumber(seq)
  if ms > before_ms or (ms == before_ms and seq > before_seq) then
    redis.call('HSET', marks, 'trimmed', last_gone)
  end
end
return {#members, next_from}
"""
_A_CALL: Final = 500


async def trim(client: Client, keys: Keys, stream: Stream, upto: int, before: int) -> int:
    """Return how many entries went; see EventLog.trim."""
    names = keys.entries(stream), keys.times(stream), keys.marks(stream)
    values = entry_id(max(0, upto)), *halves(before), _A_CALL
    gone, start = 0, b"-"
    while start:
        reply = await client.ask(names[0], "EVAL", _SCRIPT, len(names), *names, start, *values)
        gone += reply[0]
        start = reply[1]
    return gone
