"""Proofs of recovery: what is in our log is held against what the venue says by REST."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import takewhile
from typing import Any, NamedTuple

from fault_signs import SYMBOL
from fault_stage import Stage

from cloud_marketdata.domain.book import OrderBook
from cloud_marketdata.domain.events import BookDelta, BookSnapshot, Level, TradeEvent
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import NS_PER_MS, Exchange, Venue
from cloud_marketdata.storage.ports import BookState, StreamKind

_LEVELS = 50
_API = {Venue.BINANCE_SPOT: "/api/v3", Venue.BINANCE_USDM: "/fapi/v1"}
_CATEGORY = {Venue.BYBIT_SPOT: ("spot", 60), Venue.BYBIT_LINEAR: ("linear", 1000)}
Told = tuple[Decimal, Decimal]
Tops = tuple[list[Told], list[Told]]


class TradesComplete(NamedTuple):
    """Every trade that the venue tells is in the log, once, with its price and size."""

    @property
    def words(self) -> str:
        """See Sign."""
        return "trades equal the venue's, each once"

    async def seen(self, stage: Stage) -> bool:
        """See Sign."""
        found = await stage.trades()
        if not found:
            return False
        told = await _told_trades(stage, stage.traded or found[0])
        ours = {str(trade.id): _plain(trade) for trade in await stage.trades()}
        assert len(ours) == len(await stage.trades()), "a trade is in the log twice"
        return bool(told) and all(ours.get(name) == trade for name, trade in told.items())


class BookEqual(NamedTuple):
    """The book is in sync, and the log's events make the book that the venue tells by REST."""

    @property
    def words(self) -> str:
        """See Sign."""
        return "book SYNCED and equal to the venue's"

    async def seen(self, stage: Stage) -> bool:
        """See Sign."""
        view = await stage.stores.books.find(stage.venue, SYMBOL)
        if view is None or view.state is not BookState.SYNCED or await stage.says(_DIFFERENT):
            return False
        at, told = await _told_book(stage)
        for _ in range(25):
            book = await _our_book(stage, at)
            if book and _tops(book) == told:
                return True
            await stage.turn()
        return False


_DIFFERENT = "counts.ticker_different"


def _plain(trade: TradeEvent) -> Told:
    scale = trade.instrument.scale
    return scale.price(trade.price), scale.size(trade.size)


async def _told_trades(stage: Stage, since: TradeEvent) -> dict[str, Told]:
    """Return the venue's trades after one of ours, as far as it remembers."""
    if stage.venue.exchange is Exchange.BYBIT:
        category, limit = _CATEGORY[stage.venue]
        asked = {"category": category, "symbol": SYMBOL, "limit": limit}
        rows = (await _ask(stage, "/v5/market/recent-trade", asked))["result"]["list"]
        newer = takewhile(lambda row: row["execId"] != since.id, rows)
        return {row["execId"]: (Decimal(row["price"]), Decimal(row["size"])) for row in newer}
    asked = {"symbol": SYMBOL, "fromId": since.id, "limit": 1000}
    rows = await _ask(stage, f"{_API[stage.venue]}/aggTrades", asked)
    return {str(row["a"]): (Decimal(row["p"]), Decimal(row["q"])) for row in rows}


async def _told_book(stage: Stage) -> tuple[int, Tops]:
    """Return the venue's book, and where our own has to be looked at: see `_at`."""
    if stage.venue.exchange is Exchange.BYBIT:
        asked = {"category": _CATEGORY[stage.venue][0], "symbol": SYMBOL, "limit": _LEVELS}
        reply = (await _ask(stage, "/v5/market/orderbook", asked))["result"]
        # Each depth counts its own `u`; the matching engine's time is the same for all of them.
        return reply["cts"] * NS_PER_MS, (_levels(reply["b"]), _levels(reply["a"]))
    asked = {"symbol": SYMBOL, "limit": _LEVELS}
    reply = await _ask(stage, f"{_API[stage.venue]}/depth", asked)
    return reply["lastUpdateId"], (_levels(reply["bids"]), _levels(reply["asks"]))


async def _ask(stage: Stage, path: str, asked: dict[str, Any]) -> Any:  # noqa: ANN401  any JSON
    return (await stage.http.get(path, params=asked)).raise_for_status().json()


def _levels(rows: Sequence[Sequence[str]]) -> list[Told]:
    return [(Decimal(price), Decimal(size)) for price, size, *_ in rows]


def _at(stage: Stage, event: BookSnapshot | BookDelta) -> int:
    if stage.venue.exchange is Exchange.BYBIT:
        return event.exchange_time
    return event.update_id if isinstance(event, BookSnapshot) else event.last_id


async def _our_book(stage: Stage, at: int) -> OrderBook | None:
    """Return the book that the log's events make, up to a place in it."""
    book: OrderBook | None = None
    for event in await stage.events(SYMBOL, StreamKind.BOOK):
        if _at(stage, event) > at:
            continue
        if isinstance(event, BookSnapshot):
            book = OrderBook(event)
        elif isinstance(event, BookDelta) and book:
            book.apply(event)
    return book


def _tops(book: OrderBook) -> Tops:
    bids, asks = book.top(_LEVELS)
    return _named(book.instrument, bids), _named(book.instrument, asks)


def _named(instrument: Instrument, levels: Sequence[Level]) -> list[Told]:
    scale = instrument.scale
    return [(scale.price(price), scale.size(size)) for price, size in levels]
