"""A market whose trades are followed by cursors, on a clock during whose sleeps things happen."""

from collections.abc import Awaitable, Callable

from tape import BTC, MINUTE, FixedClock, Market, trade

from cloud_marketdata.api.known import KnownMarkets
from cloud_marketdata.api.mcp.tape.cursors import encode
from cloud_marketdata.api.mcp.tape.desk import Bounds, Piece, TapeDesk
from cloud_marketdata.api.mcp.tape.orders import Wanted
from cloud_marketdata.api.questions import MarketQuestion
from cloud_marketdata.domain.events import StatusKind, TradeEvent
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import Side, TradeFlag

HOT = 60 * MINUTE
EVERY = Wanted(None, None)
NOW_MS = 600_000


class BusyClock(FixedClock):
    """A clock during whose sleeps something happens."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    async def sleep(self, seconds: float) -> None:
        """Let something happen, once, and move on at once."""
        happens, self.meanwhile = self.meanwhile, None
        if happens is not None:
            await happens()
        await super().sleep(seconds)


class Place:
    """A market whose feed is alive, and a desk over its log."""

    def __init__(self, instrument: Instrument = BTC, later: int = 0) -> None:
        self.clock = BusyClock()
        self.clock.time += later
        self.market = Market(instrument, self.clock)
        self.log = self.market.stores.log
        self.asked = MarketQuestion(venue=instrument.venue.value, symbol=instrument.symbol)
        known = KnownMarkets(self.market.stores.instruments)
        self.desk = TapeDesk(self.market.queries, self.log, known, HOT)
        self.told: list[tuple[float, int]] = []

    async def open(self, *, alive: bool = True) -> "Place":
        """Make the market known."""
        await self.market.open()
        if alive:
            await self.market.tell(StatusKind.ALIVE, NOW_MS, trades=1)
        return self

    async def pull(
        self,
        cursor: str | None,
        most: int = 100,
        seconds: float = 1,
        wanted: Wanted = EVERY,
    ) -> Piece:
        """Return what one call brings."""

        async def progress(passed: float, trades: int) -> None:
            self.told.append((passed, trades))

        return await self.desk.pull(self.asked, cursor, Bounds(most, seconds, wanted), progress)

    def cursor(self, piece: Piece) -> str:
        """Return where the next call goes on."""
        return encode(piece.cursor)


def tape(numbers: list[int], instrument: Instrument = BTC) -> list[TradeEvent]:
    """Return trades of these ids; those of one ten share a match time, sides go by threes."""
    return [
        trade(
            number,
            NOW_MS - 60_000 + number // 10 * 10,
            price=617_000 + number % 7,
            size=1 + number % 5,
            side=Side.BUY if number // 3 % 2 else Side.SELL,
            instrument=instrument,
            flags=int(TradeFlag.BLOCK) if number % 31 == 30 else 0,
        )
        for number in numbers
    ]
