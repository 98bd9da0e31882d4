"""Trades of a Binance venue as its REST knows them: aggregates, single trades, and their sums.

Aggregates are made one for one from single trades where the recording holds none. Insurance-fund,
ADL and NA fills are left out of them, as the venue leaves them out.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Final

import msgspec
from msgspec import Raw, Struct, field

from cloud_marketdata.simulator.minutes import Minutes
from cloud_marketdata.simulator.streams import symbol_of
from cloud_marketdata.simulator.tally import Tally
from cloud_marketdata.simulator.tape import Tape

NOT_AGGREGATED: Final = frozenset({"INSURANCE_FUND", "ADL", "NA"})


class Trade(Struct):
    """A single trade as it comes over the socket; X only on USD-M, M only on spot."""

    t: int
    p: str
    q: str
    T: int
    m: bool
    E: int
    s: str
    X: str = ""
    M: bool | None = None


class AggRow(Struct, omit_defaults=True):
    """An aggregate trade as REST gives it."""

    a: int
    p: str
    q: str
    f: int
    last: int = field(name="l")
    T: int
    m: bool
    M: bool | None = None


class AggEvent(Struct, omit_defaults=True):
    """An aggregate trade as the socket gives it; nq, the size without RPI fills, only on USD-M."""

    e: str
    E: int
    s: str
    a: int
    p: str
    q: str
    f: int
    last: int = field(name="l")
    T: int
    m: bool
    M: bool | None = None
    nq: str = ""


_trade = msgspec.json.Decoder(Trade).decode
_row = msgspec.json.Decoder(AggRow).decode


class BinanceTapes:
    """The trades of each symbol so far; `streams` are those the recording holds.

    `now` gives the moment of arrival, on a clock that never steps.
    """

    def __init__(self, streams: AbstractSet[str], now: Callable[[], float]) -> None:
        self._streams = streams
        self._now = now
        self._aggregates: dict[str, Tape[AggRow]] = {}
        self._singles: dict[str, Tape[Trade]] = {}
        self._tallies: dict[str, Tally] = {}
        self._minutes: dict[str, Minutes] = {}

    def aggregates(self, symbol: str) -> Tape[AggRow]:
        """Return a symbol's aggregates, empty before the first."""
        return self._aggregates.setdefault(symbol, Tape(lambda row: row.a, self._now))

    def singles(self, symbol: str) -> Tape[Trade] | None:
        """Return a symbol's single trades, or None where the recording holds none."""
        if f"{symbol.lower()}@trade" not in self._streams:
            return None
        return self._singles.setdefault(symbol, Tape(lambda row: row.t, self._now))

    def tally(self, symbol: str) -> Tally:
        """Return what has been traded of a symbol."""
        return self._tallies.setdefault(symbol, Tally())

    def minutes(self, symbol: str) -> Minutes:
        """Return a symbol's one-minute bars."""
        return self._minutes.setdefault(symbol, Minutes(opens_at_close=False))

    def receive(self, stream: str, data: Raw) -> Trade | None:
        """Put a trade or an aggregate on the tapes.

        Returns the single trade that has to be served as an aggregate too, if it is one.
        """
        coin, _, kind = stream.partition("@")
        if kind == "aggTrade":
            self._aggregate(symbol_of(stream), _row(data))
            return None
        trade = _trade(data)
        singles = self.singles(trade.s)
        if singles is not None:
            singles.add(trade)
        if f"{coin}@aggTrade" in self._streams or trade.X in NOT_AGGREGATED:
            return None
        self._aggregate(trade.s, _row_of(trade))
        return trade

    def _aggregate(self, symbol: str, row: AggRow) -> None:
        self.aggregates(symbol).add(row)
        self.tally(symbol).add(row.p, row.q, row.T, row.f)
        self.minutes(symbol).add(row.p, row.q, row.T, row.last - row.f + 1, buy=not row.m)


def event_of(trade: Trade, *, usdm: bool) -> AggEvent:
    """Return the aggregate event that consists of one trade."""
    t, unmarked = trade.t, "0" if trade.X == "RPI" else trade.q
    event = AggEvent(
        "aggTrade", trade.E, trade.s, t, trade.p, trade.q, t, t, trade.T, trade.m, trade.M
    )
    event.nq = unmarked if usdm else ""
    return event


def _row_of(trade: Trade) -> AggRow:
    return AggRow(trade.t, trade.p, trade.q, trade.t, trade.t, trade.T, trade.m, trade.M)
