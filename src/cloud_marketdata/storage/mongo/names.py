"""The collections of the warm tier, their documents and indexes, all in this one place.

markets     one document a market, what outlives its aggregates. `position`, `trades`, `status`: log
            positions that are inside; `horizons`: ns by timeframe; `fence`: the highest fencing
            token seen; `marks`: packed marks of the ledger; `widest`: ns, bounds end - start of its
            settled rows; `session`: of its last saver; `saves`: how many there were.
aggregates  one document a bucket. `start`: ns; `position`: log position inside; `final`; `body`:
            the aggregate, packed and compressed; `gone_at`: date of its removal, where it has been
            removed.
coverage    one document a row of a ledger. `key`; `stream`; `start`, `end`: ns; `open`; `body`.
reconciliations  one document a minute. `start`: ns; `revision`; `verdict`; `body`: the
            record, packed.
flow_subjects  one document a market or pair of markets, whose scope stands where a venue would.
            `fence`, `session`, `saves`: as in `markets`; `known`: whether anything was saved or
            told of it; `checkpoint`: of the maker of flow minutes and signals, compressed, or null
            where nothing was saved; `began`: ns, start of the earliest minute ever saved, or null.
flow_minutes  one document a minute of a subject. `start`: ns; `revision`; `body`: compressed.
signals     one document a signal of a subject. `id`; `kind`; `detected`: ns; `revision`; `body`.
instruments one document a version. `scale_version`; `tick`, `lot`: decimals as text.
api_keys    one document a key. `_id`: its public part; `revision`; `used_at`: ns; `body`: the
            record, packed.
schema      one document: the version of all this.

Everything but `UNSHARDED` is sharded by {symbol, venue}. Symbols are many and venues are four, so
the symbol leads: it spreads the load, and one symbol's venues, which are asked for together, stay
neighbours. Both are in every filter and at the head of every index, so a question goes to one shard
and unique means unique. The index that deletes is the exception: MongoDB wants it of one field.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pymongo import ASCENDING, IndexModel
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from cloud_marketdata.domain.values import Venue

Document = dict[str, Any]
Documents = AsyncCollection[Document]
MarketKey = tuple[Venue, str]
ShardKey = tuple[str, str]
"""A venue, or the scope of a subject that is more than one, and a symbol."""

SHARD_KEY: Final = ("symbol", "venue")
ALL_MARKETS: Final = "all markets"
"""The comment on the few questions that are about every market and so go to every shard."""
EVERY_SHARD: Final[Mapping[tuple[str, str], str]] = {
    ("aggregate", "markets"): "at a start: above which position a log that was lost begins anew",
    ("find", "instruments"): "who lists the markets, or asks for one that is not there",
    ("find", "flow_subjects"): "retention in its turn; who asks for a pair that is not there",
}
"""Why a command is about every market; no other may go without the shard key."""
UNSHARDED: Final[Mapping[str, str]] = {
    "api_keys": "few, of no market, and one look-up by `_id` must see the last change",
    "schema": "one document",
}


class Collections(NamedTuple):
    """The collections of one database."""

    markets: Documents
    aggregates: Documents
    coverage: Documents
    instruments: Documents
    reconciliations: Documents
    flow_subjects: Documents
    flow_minutes: Documents
    signals: Documents
    api_keys: Documents
    schema: Documents


def collections(database: AsyncDatabase[Document]) -> Collections:
    """Return the collections of a database by their names."""
    return Collections(*(database[name] for name in Collections._fields))


def of_market(venue: str, symbol: str) -> Document:
    """Return what every filter begins with."""
    return {"symbol": symbol, "venue": str(venue)}


def _index(name: str, *fields: str, **options: object) -> IndexModel:
    keys = [(field, ASCENDING) for field in (*SHARD_KEY, *fields)]
    return IndexModel(keys, name=name, **options)


INDEXES: Final = {
    "markets": [_index("market", unique=True)],
    "aggregates": [
        _index("bucket", "timeframe", "start", unique=True),
        _index("changed", "timeframe", "position", "start"),
        _index("open", "final", partialFilterExpression={"final": False}),
        IndexModel([("gone_at", ASCENDING)], name="gone", sparse=True, expireAfterSeconds=0),
    ],
    "coverage": [
        _index("row", "key", unique=True),
        _index("time", "open", "stream", "start"),
    ],
    "instruments": [_index("version", "scale_version", unique=True)],
    "reconciliations": [
        _index("minute", "start", unique=True),
        _index("verdict", "start", "verdict"),
    ],
    "flow_subjects": [_index("subject", unique=True)],
    "flow_minutes": [_index("minute", "start", unique=True)],
    "signals": [
        _index("signal", "id", unique=True),
        # The kind is inside, so that a question about few kinds reads no others.
        _index("time", "detected", "id", "kind"),
    ],
}
