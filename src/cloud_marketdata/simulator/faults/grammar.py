"""Which kinds of fault there are, what each can be aimed at, and which parameters it takes."""

from typing import Final

from msgspec import Struct

from cloud_marketdata.domain.values import Exchange
from cloud_marketdata.simulator.faults import parameters as p


class Grammar(Struct, frozen=True):
    """One kind: `needs` names parameters of which exactly one must be given.

    A kind with a single target may leave it out. `exchange` is the only one that knows the kind.
    """

    parameters: tuple[p.Parameter, ...]
    targets: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    exchange: Exchange | None = None


WINDOW: Final = (p.VENUE, p.AFTER, p.FOR)
WHEN: Final = (*WINDOW, p.TIMES)
WHICH: Final = (p.AT, p.EVERY, p.CHANCE)
STREAMS: Final = ("trade", "depth", "ticker", "any")
REFUSALS: Final = ("429", "418", "403", "500", "502", "503", "504", "timeout")
FRAME: Final = Grammar((p.SYMBOL, p.CLIENT, *WHICH, *WHEN), STREAMS)
BOOK: Final = (p.SYMBOL, *WHICH, *WHEN)

KINDS: Final = {
    "drop": FRAME,
    "duplicate": FRAME,
    "reorder": FRAME,
    "delay": Grammar((p.MS, *FRAME.parameters), STREAMS, ("ms",)),
    "malformed": Grammar((p.HOW, *FRAME.parameters), STREAMS),
    "silent": FRAME,
    "ack-only": FRAME,
    "gap": Grammar((p.BY, *BOOK), ("depth",)),
    "storm": Grammar((p.BY, *WHICH, *WHEN), ("depth",)),
    "snapshot": Grammar(BOOK, ("depth",), exchange=Exchange.BYBIT),
    "restart": Grammar(BOOK, ("depth",), exchange=Exchange.BYBIT),
    "skew": Grammar((p.SHIFT_MS, *WINDOW), needs=("ms",)),
    "tick": Grammar((p.DIVIDE, p.SYMBOL, p.VENUE, p.AFTER), needs=("divide",)),
    "half-open": Grammar((p.CLIENT, *WHEN)),
    "cut": Grammar((p.CLIENT, p.AGE, p.PERIOD, *WHEN)),
    "shutdown": Grammar((p.GRACE, p.CLIENT, *WHEN)),
    "refuse": Grammar((*WHICH, *WHEN), ("connect",)),
    "rest": Grammar((p.PATH, p.RETRY_AFTER, *WHICH, *WHEN), REFUSALS),
    "lag": Grammar((p.MS, *WINDOW), needs=("ms",), exchange=Exchange.BINANCE),
    "falsify": Grammar((p.FIELD, p.SYMBOL, *WHICH, *WHEN), ("kline",), ("field",)),
    "limit": Grammar((p.WEIGHT, p.INBOUND, p.BAN, *WINDOW), needs=("weight", "inbound")),
}
