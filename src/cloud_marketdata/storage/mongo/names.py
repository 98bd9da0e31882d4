"""The collections of the warm tier, their documents and indexes, all in this one place.

markets     one document a market, what outlives its aggregates. `position`, `trades`, `status`: log
            positions that are inside; `horizons`: ns by timeframe; `fence`: the highest fencing
            token seen; `marks`: packed marks of the ledger; `widest`: ns, bounds end - start of its
            settled rows; `session`: of its last saver; `saves`: how many there were.
aggregates  one document a bucket. `start`: ns; `position`: log position inside; `final`; `body`:
            the aggregate, packed and compressed; `gone_at`: date of its removal, where it has been
            removed.
coverage    one document a row of a ledger. `key`; `stream`; `start`, `end`: ns; `open`; `body`.
instruments one document a version. `scale_version`; `tick`, `lot`: decimals as text.
schema      one document: the version of all this.

Everything but `schema` is sharded by {symbol, venue}. Symbols are many and venues are four, so the
symbol leads: it spreads the load, and one symbol's venues, which are asked for together, stay
neighbours. Both are in every filter and at the head of every index, so a question goes to one shard
and unique means unique. The index that deletes is the exception: MongoDB wants it of one field.
"""

from typing import Any, Final, NamedTuple

from pymongo import ASCENDING, IndexModel
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from cloud_marketdata.domain.values import Venue

Document = dict[str, Any]
Documents = AsyncCollection[Document]
MarketKey = tuple[Venue, str]

SHARD_KEY: Final = ("symbol", "venue")
ALL_MARKETS: Final = "all markets"
"""The comment on the few questions that are about every market and so go to every shard."""


class Collections(NamedTuple):
    """The collections of one database."""

    markets: Documents
    aggregates: Documents
    coverage: Documents
    instruments: Documents
    schema: Documents


def collections(database: AsyncDatabase[Document]) -> Collections:
    """Return the collections of a database by their names."""
    return Collections(*(database[name] for name in Collections._fields))


def of_market(venue: Venue, symbol: str) -> Document:
    """Return what every filter begins with."""
    return {"symbol": symbol, "venue": venue.value}


def _index(name: str, *fields: str, **options: object) -> IndexModel:
    keys = [(field, ASCENDING) for field in (*SHARD_KEY, *fields)]
    return IndexModel(keys, name=name, **options)


INDEXES: Final = {
    "markets": [_index("market", unique=True)],
    "aggregates": [
        _index("bucket", "timeframe", "start", unique=True),
        _index("open", "final", partialFilterExpression={"final": False}),
        IndexModel([("gone_at", ASCENDING)], name="gone", sparse=True, expireAfterSeconds=0),
    ],
    "coverage": [
        _index("row", "key", unique=True),
        _index("time", "open", "stream", "start"),
    ],
    "instruments": [_index("version", "scale_version", unique=True)],
}
