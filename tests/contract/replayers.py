"""Listeners of a trades channel that join anywhere, read slowly, leave early, and remember it all.

`Tape` is the oracle: every entry that was ever appended, also those that have left the log since.
"""

import asyncio
from bisect import bisect_right
from random import Random

import msgspec
from contract_samples import BTC, TRADES

from cloud_marketdata.api.markets import trade_data
from cloud_marketdata.api.stream.ports import Channel, ChannelName, Frame, Since
from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S, Side
from cloud_marketdata.storage.ports import Batch, EventLog

START = 1_723_161_480 * NS_PER_S
HOT = 60 * NS_PER_S
CHANNEL = Channel(ChannelName.TRADES, TRADES.venue.value, TRADES.symbol)


class Hurried(SystemClock):
    """Time stands where the tape is; nobody sleeps for longer than others need to go on."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> int:
        """Tell the tape's time."""
        return self.time

    def monotonic(self) -> float:
        """Tell seconds of it."""
        return self.time / NS_PER_S

    async def sleep(self, seconds: float) -> None:
        """Let the others run."""
        await asyncio.sleep(min(seconds, 0.0005))


class Tape:
    """Appends entries of a few trades, some of them late, and lets old ones go."""

    def __init__(self, log: EventLog, clock: Hurried, random: Random) -> None:
        self.positions: list[int] = []
        self.entries: list[list[TradeEvent]] = []
        self._log = log
        self._clock = clock
        self._random = random
        self._number = 0

    async def append(self) -> None:
        """Log one more entry, less than a second after the one before."""
        random = self._random
        self._clock.time += random.randrange(1, 1000) * NS_PER_MS
        late = 30_000 if random.random() < 0.05 else 0
        made = [self._trade(random.randrange(300) + late) for _ in range(random.randrange(1, 4))]
        # What is told of an entry shall be there for whoever reads it at once.
        self.entries.append(made)
        self.positions += await self._log.append([Batch(TRADES, made)])

    async def trim(self) -> int:
        """Let go what is older than the log keeps."""
        return await self._log.trim(TRADES, upto=1 << 62, before=self._clock.time - HOT)

    def between(self, after: int, upto: int) -> list[int]:
        """Return the numbers of the entries behind one position up to another."""
        return list(range(bisect_right(self.positions, after), bisect_right(self.positions, upto)))

    def first_at(self, time: int) -> int:
        """Return the number of the first entry with a trade at or after a time."""
        reached = (any(t.exchange_time >= time for t in entry) for entry in self.entries)
        return next((at for at, found in enumerate(reached) if found), len(self.entries))

    def _trade(self, ago_ms: int) -> TradeEvent:
        self._number += 1
        now = self._clock.time
        side = Side.BUY if self._number % 2 else Side.SELL
        time = now - ago_ms * NS_PER_MS
        return TradeEvent(BTC, self._number, 600_000, 1, side, time, now, self._number)


class Replayer:
    """One listener, what it asked for, and the newest position when it did."""

    def __init__(self, since: Since | None, asked_at: int, clock: Hurried, pauses: int) -> None:
        self.since = since
        self.asked_at = asked_at
        self.frames: list[dict] = []
        self.refused: str | None = None
        self._clock = clock
        self._pauses = pauses

    def offer(self, _channel: Channel, frame: Frame) -> None:
        """Note a frame."""
        self.frames.append(msgspec.json.decode(frame.text))

    async def room(self) -> None:
        """Take one's time."""
        for _ in range(self._pauses):
            await self._clock.sleep(0.0005)

    def of(self, kind: str) -> list[dict]:
        """Return the frames of one kind."""
        return [frame for frame in self.frames if frame["type"] == kind]

    def check(self, tape: Tape) -> int:
        """Hold what was heard against the tape; return how many entries were heard."""
        updates = self.of("update")
        if not updates:
            return 0
        chain = [updates[0]["prev_seq"], *(frame["seq"] for frame in updates)]
        assert [frame["prev_seq"] for frame in updates] == chain[:-1]
        for snapshot in self.of("snapshot") + self.of("caught_up"):
            assert snapshot["seq"] in chain
        expected = tape.between(chain[0], chain[-1])
        if self.since is not None and self.since.seq is not None:
            assert chain[0] == self.since.seq
        elif self.since is not None:
            first = tape.first_at(self.since.time)
            if chain[0] >= self.asked_at:
                # Nothing was there of that time yet: all that came from then on was heard.
                first = expected[0]
            # What stood before the first one may have left the log.
            assert expected[0] == first or chain[0] == 0
            expected = [number for number in expected if number >= first]
        torn = [frame["data"] for frame in self.of("status") if "after_seq" in frame["data"]]
        lost = {n for one in torn for n in tape.between(one["after_seq"], one["before_seq"] - 1)}
        heard = [trade for frame in updates for trade in frame["data"]]
        whole = [number for number in expected if number not in lost]
        assert heard in (self._written(tape, expected), self._written(tape, whole))
        return len(expected)

    def _written(self, tape: Tape, numbers: list[int]) -> list[dict]:
        return [trade_data(trade).model_dump() for at in numbers for trade in tape.entries[at]]
