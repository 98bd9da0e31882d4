"""The script that appends entries of one stream, and what it answers.

An entry and all that is kept beside it change at once. An entry that is there already, under this
position and with these bytes, changes nothing; so does one that was trimmed since it was written,
which is believed where its position lies below one that was trimmed. Any other position that is
not above the stream's last one belongs to somebody else: it is refused, and all behind it too.
An entry whose fence is below the market's was collected by one who has lost the market since: it is
left out, before anything else is asked of it.

Beside the entries: `times`, one member of 25 bytes an entry, sorted by class of width, first time
and position; and `marks`: `end` and `end_id`, the newest match time and the last entry that has it;
`latest` and `lag`, the latest receipt and how far a later entry's stayed behind it, in 2^20 ns;
`trimmed`, the highest id that was trimmed; `reader`, how often a reader has been opened.
"""

from collections.abc import Sequence
from hashlib import sha1
from itertools import chain
from typing import Final, NamedTuple

from cloud_marketdata.storage.entry import Entry, TakenError
from cloud_marketdata.storage.redis.keys import Keys
from cloud_marketdata.storage.redis.server import Command, Reply
from cloud_marketdata.storage.redis.spans import entry_id, position_of, stamp

_SCRIPT: Final = b"""
local entries, times, marks = KEYS[1], KEYS[2], KEYS[3]
local shown = tonumber(redis.call('GET', KEYS[4]) or '0')
local highest = shown
local function parts(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(seq)
end
local function above(one, other)
  local ms, seq = parts(one)
  local other_ms, other_seq = parts(other)
  return ms > other_ms or (ms == other_ms and seq > other_seq)
end
local function last_id()
  local info = redis.pcall('XINFO', 'STREAM', entries)
  if info.err then return '0-0' end
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then return info[i + 1] end
  end
end
local function known(id, stamp, block)
  local found = redis.call('XRANGE', entries, id, id)[1]
  if found then return found[2][2] == stamp and found[2][4] == block end
  local trimmed = redis.call('HGET', marks, 'trimmed')
  return trimmed and not above(id, trimmed)
end
local stored = redis.call('HMGET', marks, 'end', 'end_id', 'latest', 'lag')
local end_time, end_id = stored[1], stored[2]
local latest, lag = tonumber(stored[3] or 0), tonumber(stored[4] or 0)
local written, repeated, fenced, failure = 0, 0, 0, nil
for i = 1, #ARGV, 4 do
  local id, stamp, block, fence = ARGV[i], ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3])
  local late = fence > 0 and fence < highest
  local added = not late and redis.pcall('XADD', entries, id, 't', stamp, 'e', block)
  if late then
    fenced = fenced + 1
  elseif type(added) == 'table' and added.err then
    local last = last_id()
    if above(id, last) then failure = added break end
    if not known(id, stamp, block) then failure = {'taken', id, last} break end
    repeated = repeated + 1
  else
    written = written + 1
    if fence > highest then highest = fence end
    local ms, seq = parts(id)
    local high, low = math.floor(ms / 4096), ms % 4096 * 1048576 + seq
    local member = string.sub(stamp, 1, 9) .. struct.pack('>I4I4', high, low)
      .. string.sub(stamp, 10, 17)
    redis.call('ZADD', times, 0, member)
    local last_high, last_low, got_high, got_low = struct.unpack('>I4I4I4I4', stamp, 10)
    local end_high, end_low = 0, 0
    if end_time then end_high, end_low = struct.unpack('>I4I4', end_time) end
    if last_high > end_high or (last_high == end_high and last_low >= end_low) then
      end_time, end_id = string.sub(stamp, 10, 17), id
    end
    local got = got_high * 4096 + math.floor(got_low / 1048576)
    if got > latest then latest = got end
    if latest - got > lag then lag = latest - got end
  end
end
if written > 0 then
  redis.call('HSET', marks, 'end', end_time, 'end_id', end_id,
    'latest', string.format('%.0f', latest), 'lag', string.format('%.0f', lag))
end
if highest > shown then redis.call('SET', KEYS[4], string.format('%.0f', highest)) end
return failure or {'done', written, repeated, fenced}
"""
_SHA: Final = sha1(_SCRIPT, usedforsecurity=False).hexdigest()


class Appended(NamedTuple):
    """How many entries a call wrote, found written, and left out for their fence."""

    written: int
    repeated: int
    fenced: int


def append_command(keys: Keys, entries: Sequence[Entry], *, loaded: bool) -> Command:
    """Return the call for entries of one stream, in their order.

    loaded: whether a call before it on the same connection has brought the script along.
    """
    stream = entries[0].stream
    fence = keys.fence(stream.venue, stream.symbol)
    names = keys.entries(stream), keys.times(stream), keys.marks(stream), fence
    values = chain.from_iterable(
        (entry_id(e.position), stamp(e), e.block, e.fence) for e in entries
    )
    called = ("EVALSHA", _SHA) if loaded else ("EVAL", _SCRIPT)
    return *called, len(names), *names, *values


def appended(entries: Sequence[Entry], reply: Reply) -> Appended:
    """Return what the call has done; raises TakenError where a position belongs to another."""
    word, *rest = reply
    if word == b"taken":
        position, last = map(position_of, rest)
        raise TakenError(entries[0].stream, position, last)
    return Appended(*rest)
