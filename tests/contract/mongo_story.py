"""Saves that follow from each other, numbered from 1, and what must be stored after any of them.

Save n brings the trade of second n: its second, minute and hour, and a ledger whose marks and rows
say the same. So whatever is stored can be held against all that was ever folded up to its position.
"""

from contract_samples import BTC, VENUE, trade

from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.coverage import CoverageState
from cloud_marketdata.domain.sheet import Changes, Kept, Layer, Marks, Row
from cloud_marketdata.domain.values import NS_PER_S, Timeframe
from cloud_marketdata.storage.packing import pack_aggregate
from cloud_marketdata.storage.ports import WarmPart

_FRAMES = (Timeframe.S1, Timeframe.M1, Timeframe.H1)
_ALL = (0, 1 << 62)
_ROWS = 5


class Story:
    """All saves up to the last one."""

    def __init__(self, upto: int = 0) -> None:
        self.number = 0
        self.made: dict[tuple[Timeframe, int], Aggregate] = {}
        self.rows: dict[str, Row] = {}
        for _ in range(upto):
            self.next()

    def next(self) -> tuple[list[Aggregate], Changes]:
        """Return the next save."""
        self.number += 1
        one = trade(self.number * NS_PER_S, number=self.number, price=600_000 + self.number % 7)
        changed = [self._bucket(frame, one.exchange_time) for frame in _FRAMES]
        for bucket in changed:
            bucket.add(one)
            bucket.position = self.number
        rows = (self._row(self.number, still=False), self._row(self.number + 1, still=True))
        self.rows |= {row.key: row for row in rows}
        gone = (self._row(self.number - _ROWS, still=False).key,)
        self.rows.pop(gone[0], None)
        return changed, Changes(VENUE, "BTCUSDT", Marks(self.number, self.number), rows, gone)

    def _bucket(self, frame: Timeframe, time: int) -> Aggregate:
        key = (frame, frame.floor(time))
        return self.made.setdefault(key, Aggregate(BTC, *key))

    def _row(self, number: int, *, still: bool) -> Row:
        first = number * NS_PER_S
        name = "now" if still else str(number)
        return Row(Layer.LINK, name, first, first + 1, CoverageState.UNBROKEN, open=still)


async def told(warm: WarmPart) -> int:
    """Return the number of the save that the store tells of; it must tell of nothing else.

    Every aggregate, row and mark is compared with those of the story up to there.
    """
    number, stored, kept = await _read(warm)
    story = Story(number)
    assert sorted(map(pack_aggregate, stored)) == sorted(map(pack_aggregate, story.made.values()))
    assert (kept.marks.trades, kept.marks.status) == (number, number)
    assert sorted(kept.rows, key=_by_key) == sorted(story.rows.values(), key=_by_key)
    return number


async def _read(warm: WarmPart) -> tuple[int, list[Aggregate], Kept]:
    """Read all of it with no save in between: a killed saver's last one may come in meanwhile."""
    while True:
        number = await warm.aggregates.position(VENUE, "BTCUSDT")
        stored: list[Aggregate] = []
        for frame in _FRAMES:
            stored += await warm.aggregates.find_by_range(VENUE, "BTCUSDT", frame, *_ALL)
        kept = await warm.coverage.find(VENUE, "BTCUSDT", *_ALL)
        if number == await warm.aggregates.position(VENUE, "BTCUSDT"):
            return number, stored, kept


def _by_key(row: Row) -> str:
    return row.key
