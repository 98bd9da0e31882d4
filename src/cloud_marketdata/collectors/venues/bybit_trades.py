"""Bybit's trades: items of `publicTrade`, and the rows of recent-trade as the same events.

What REST remembers is only the newest trades, without a way to ask further back.
"""

from typing import Final

from cloud_marketdata.collectors.lanes.rulers import Rulers
from cloud_marketdata.collectors.tapes.tickchain import TickChain
from cloud_marketdata.collectors.venues import bybit_wire as wire
from cloud_marketdata.domain.events import TapeDoubt, TradeEvent
from cloud_marketdata.domain.values import NS_PER_MS, BadNumberError, Side, TradeFlag

SIDES: Final = {"Buy": Side.BUY, "Sell": Side.SELL}


class BybitTrades:
    """Trades by `publicTrade`.

    `seq` is shared by the trades of one match and by the book, so a trade's sequence is its seq and
    its place among the trades of that seq; that keeps the order inside one millisecond.
    `doubts` are what linear's hints on price changes contradict; `broken` says that one was not
    understood.
    """

    def __init__(self, rulers: Rulers) -> None:
        self.rulers = rulers
        self.doubts: list[TapeDoubt] = []
        self.broken = False
        self._place: dict[str, tuple[int, int]] = {}
        self._chains: dict[str, TickChain] = {}

    def topic(self, symbol: str) -> str:
        """See `Part`."""
        return f"publicTrade.{symbol}"

    def trade(self, m: wire.Trade, received_at: int) -> TradeEvent:
        """Turn one item into an event; raises UnknownSymbolError or BadNumberError."""
        ruler = self.rulers.get(m.s) or self.rulers.learn(m.s, m.p, m.v)
        price, size = ruler.trade(m.p, m.v)
        side = SIDES.get(m.S)
        if side is None:
            msg = f"side {m.S!r} is neither Buy nor Sell"
            raise BadNumberError(msg)
        seq, place = self._place.get(m.s, (-1, 0))
        place = place + 1 if seq == m.seq else 0
        self._place[m.s] = (m.seq, place)
        flags = (TradeFlag.BLOCK if m.BT else 0) | (TradeFlag.RPI if m.RPI else 0)
        event = TradeEvent(
            ruler.instrument,
            m.i,
            price,
            size,
            side,
            m.T * NS_PER_MS,
            received_at,
            (m.seq << 16) + place,
            1,
            int(flags),
        )
        if m.L or m.s in self._chains:
            self._follow(event, m)
        return event

    def take_doubts(self) -> list[TapeDoubt]:
        """Return the doubts since the last call."""
        taken, self.doubts = self.doubts, []
        return taken

    def break_chains(self) -> None:
        """Note that a trade was not understood: the next hint says nothing of the one before."""
        self._chains.clear()
        self.broken = True

    def row(self, symbol: str, row: wire.RecentTrade, received_at: int) -> TradeEvent:
        """Turn a row of recent-trade into the event that the stream makes of the same trade."""
        item = wire.Trade(
            row.time,
            symbol,
            row.side,
            row.size,
            row.price,
            row.exec_id,
            row.is_block_trade,
            row.is_rpi_trade,
            row.seq,
        )
        return self.trade(item, received_at)

    def _follow(self, trade: TradeEvent, m: wire.Trade) -> None:
        chain = self._chains.get(m.s)
        if chain is None:
            chain = self._chains[m.s] = TickChain()
        doubt = chain.follow(trade, m.L)
        if doubt is not None:
            self.doubts.append(doubt)
