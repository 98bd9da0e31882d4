"""What every connection of a venue is given, so that it takes nothing from the air."""

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from cloud_marketdata.collectors.connection.transport import Connect
from cloud_marketdata.collectors.rest.client import Rest
from cloud_marketdata.collectors.sink import Sink
from cloud_marketdata.collectors.tapes.gaps import TradeGap
from cloud_marketdata.core.breaker import CircuitBreaker
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings


class Gear(NamedTuple):
    """The collaborators of links and sessions.

    repair: takes a symbol and a gap in its tape, to be back-filled beside the stream.
    breaker: stands before the venue's WebSocket endpoint; REST has one of its own.
    """

    connect: Connect
    rest: Rest
    sink: Sink
    repair: Callable[[str, TradeGap], None]
    breaker: CircuitBreaker
    settings: Settings
    clock: Clock
    random: Random


def no_repair(symbol: str, gap: TradeGap) -> None:
    """Repair nothing: a recorder or a benchmark has no tape to mend."""
    del symbol, gap
