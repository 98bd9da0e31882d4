"""One save as a transaction: the market's document, its buckets, and the rows of its ledger.

Everything is packed when it is made, because the caller goes on changing these very objects. To do
it again changes nothing: buckets and marks only ever go forward.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pymongo import DeleteOne, ReplaceOne, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession

from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.sheet import Changes, Row
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.storage.mongo.bodies import body_of
from cloud_marketdata.storage.mongo.market import Market, change_market, find_market, keep_out
from cloud_marketdata.storage.mongo.names import Collections, Document, MarketKey, of_market
from cloud_marketdata.storage.packing import pack_marks, pack_row


class Bucket(NamedTuple):
    """An aggregate as it is stored."""

    market: MarketKey
    timeframe: Timeframe
    end: int
    position: int
    document: Document

    def upsert(self) -> UpdateOne:
        """Return the write that stores it unless one with a higher position is there."""
        key = {name: self.document[name] for name in ("symbol", "venue", "timeframe", "start")}
        newer = {"$mergeObjects": ["$$ROOT", {"$literal": self.document}]}
        chosen = {"$cond": [{"$gt": ["$position", self.position]}, "$$ROOT", newer]}
        return UpdateOne(key, [{"$replaceWith": chosen}], upsert=True)


class Ledger(NamedTuple):
    """Changes of a coverage ledger as they are stored; `marks` are the fields of the market."""

    changes: Changes
    marks: Document
    widest: int
    writes: Sequence[DeleteOne | ReplaceOne[Document]]

    @property
    def market(self) -> MarketKey:
        """Whose ledger it is."""
        return self.changes.venue, self.changes.symbol


class Save:
    """The work of one save; called inside a transaction, again where that is repeated."""

    def __init__(
        self,
        stored: Collections,
        aggregates: Sequence[Aggregate],
        changes: Changes | None,
        fence: int,
    ) -> None:
        self._stored = stored
        self._buckets = [_bucket(aggregate) for aggregate in aggregates]
        self._ledger = _ledger(changes) if changes else None
        self._fence = fence
        self.markets = {bucket.market for bucket in self._buckets}
        if self._ledger:
            self.markets.add(self._ledger.market)

    async def __call__(self, session: AsyncClientSession) -> None:
        """Store everything; raises FencedError where a market has seen a higher token."""
        for key in sorted(self.markets):
            market = await find_market(self._stored.markets, key, session)
            keep_out(key, market.fence, self._fence)
            await self._save_market(key, market, session)

    async def _save_market(
        self, key: MarketKey, market: Market, session: AsyncClientSession
    ) -> None:
        mine = [bucket for bucket in self._buckets if bucket.market == key]
        position = max((bucket.position for bucket in mine), default=0)
        buckets = [bucket for bucket in mine if bucket.end > market.horizon(bucket.timeframe)]
        fields, highest = {"fence": self._fence}, {"position": position}
        ledger = self._due(key, market)
        if ledger:
            fields |= ledger.marks
            highest["widest"] = ledger.widest
        change = {"$set": fields, "$max": highest}
        await change_market(self._stored.markets, key, session, change)
        if buckets:
            upserts = [bucket.upsert() for bucket in buckets]
            await self._stored.aggregates.bulk_write(upserts, ordered=False, session=session)
        if ledger and ledger.writes:
            await self._stored.coverage.bulk_write(ledger.writes, session=session)

    def _due(self, key: MarketKey, market: Market) -> Ledger | None:
        """Return the ledger's changes, unless they were made from less of the log."""
        ledger = self._ledger
        if ledger is None or ledger.market != key or ledger.changes.marks.behind(market.marks):
            return None
        return ledger


def _bucket(aggregate: Aggregate) -> Bucket:
    key = (aggregate.instrument.venue, aggregate.instrument.symbol)
    document = {
        **of_market(*key),
        "timeframe": aggregate.timeframe.value,
        "start": aggregate.start,
        "position": aggregate.position,
        "final": aggregate.final,
        "body": body_of(aggregate),
    }
    return Bucket(key, aggregate.timeframe, aggregate.end, aggregate.position, document)


def _ledger(changes: Changes) -> Ledger:
    market = of_market(changes.venue, changes.symbol)
    marks = changes.marks
    fields = {"trades": marks.trades, "status": marks.status, "marks": pack_marks(marks)}
    widest = max((row.end - row.start for row in changes.rows if not row.open), default=0)
    gone = [DeleteOne({**market, "key": key}) for key in changes.gone]
    rows = [
        ReplaceOne({**market, "key": row.key}, {**market, **_row(row)}, upsert=True)
        for row in changes.rows
    ]
    return Ledger(changes, fields, widest, [*gone, *rows])


def _row(row: Row) -> Document:
    return {
        "key": row.key,
        "stream": row.covered.value,
        "start": row.start,
        "end": row.end,
        "open": row.open,
        "body": pack_row(row),
    }
