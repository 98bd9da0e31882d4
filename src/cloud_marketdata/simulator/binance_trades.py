"""Aggregate trades of a Binance venue, made one for one from single trades where need be.

Insurance-fund, ADL and NA fills are left out, as the venue leaves them out of its aggregates.
"""

from collections.abc import Set as AbstractSet
from typing import Final

import msgspec
from msgspec import Raw, Struct, field

from cloud_marketdata.simulator.survey import symbol_of
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


class AggTapes:
    """The aggregates of each symbol so far; `streams` are those the recording holds."""

    def __init__(self, streams: AbstractSet[str]) -> None:
        self._streams = streams
        self._tapes: dict[str, Tape[AggRow]] = {}

    def of(self, symbol: str) -> Tape[AggRow]:
        """Return a symbol's tape, empty before its first trade."""
        return self._tapes.setdefault(symbol, Tape(lambda row: row.a))

    def receive(self, stream: str, data: Raw) -> Trade | None:
        """Put a trade or an aggregate on the tape.

        Returns the single trade that has to be served as an aggregate too, if it is one.
        """
        coin, _, kind = stream.partition("@")
        if kind == "aggTrade":
            self.of(symbol_of(stream)).add(_row(data))
        elif f"{coin}@aggTrade" not in self._streams:
            trade = _trade(data)
            if trade.X not in NOT_AGGREGATED:
                self.of(trade.s).add(_row_of(trade))
                return trade
        return None


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
