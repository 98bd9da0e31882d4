"""What the two files hold, and the check that a file is what it is taken for.

A file carries an application id and a schema version. An empty one is filled, one of an older
version is brought to this one in steps; a foreign, damaged or newer one, and one of before the
first step, is refused and left as it was.
"""

import sqlite3
from collections.abc import Mapping
from typing import NamedTuple

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.embedded.flow_tables import FLOW_TABLES


class Schema(NamedTuple):
    """Tables of one kind of file, created in order.

    steps: by version, what brings a file of it to the next one.
    """

    application_id: int
    version: int
    statements: tuple[str, ...]
    steps: Mapping[int, tuple[str, ...]]


_LEASES = """CREATE TABLE leases (
    name TEXT PRIMARY KEY, holder TEXT NOT NULL, token INTEGER NOT NULL, until INTEGER NOT NULL
) STRICT"""
# No group, because that is a word of SQL.
_MEMBERS = """CREATE TABLE members (
    team TEXT NOT NULL, name TEXT NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (team, name)
) STRICT"""
# What tells this log from another one whose positions begin anew. The name is made by SQLite:
# nobody computes with it, and so nothing that is to be repeated depends on it.
_IDENTITY = (
    "CREATE TABLE identity (epoch TEXT NOT NULL) STRICT",
    "INSERT INTO identity VALUES (lower(hex(randomblob(8))))",
)
# What outlives the aggregates of a market: up to where the log is inside, and who may save.
_MARKETS = """CREATE TABLE markets (
    venue TEXT NOT NULL, symbol TEXT NOT NULL, position INTEGER NOT NULL, fence INTEGER NOT NULL,
    PRIMARY KEY (venue, symbol)
) STRICT"""
_HORIZONS = """CREATE TABLE horizons (
    venue TEXT NOT NULL, symbol TEXT NOT NULL, timeframe TEXT NOT NULL, before INTEGER NOT NULL,
    PRIMARY KEY (venue, symbol, timeframe)
) STRICT"""

_RECONCILIATIONS = """CREATE TABLE reconciliations (
    venue TEXT NOT NULL, symbol TEXT NOT NULL, start INTEGER NOT NULL, revision INTEGER NOT NULL,
    verdict TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (venue, symbol, start)
) STRICT"""
# A key's last use changes without a new revision, so it lies beside the record.
_KEYS = """CREATE TABLE keys (
    id TEXT PRIMARY KEY, created_at INTEGER NOT NULL, revision INTEGER NOT NULL,
    used_at INTEGER NOT NULL, body BLOB NOT NULL
) STRICT"""
# The first files of version 2 had no `widest`: asking for it ends the step where it is missing.
_POSITIONS = (
    "SELECT widest FROM coverage_marks LIMIT 0",
    _MARKETS,
    _HORIZONS,
    """INSERT INTO markets (venue, symbol, position, fence)
    SELECT venue, symbol, max(position), 0 FROM aggregates GROUP BY venue, symbol""",
    "DROP INDEX aggregates_by_position",
)
_AGGREGATES_CHANGED = """CREATE INDEX aggregates_changed
    ON aggregates (venue, symbol, timeframe, position, start)"""
_RECONCILED_BY_VERDICT = """CREATE INDEX reconciliations_by_verdict
    ON reconciliations (venue, symbol, start, verdict)"""

HOT = Schema(
    application_id=0x4D44_484F,
    version=4,
    statements=(
        # `widest` bounds last - first of the stream's entries, which makes a range of times a
        # range of the index on `first`.
        """CREATE TABLE streams (
            id INTEGER PRIMARY KEY, venue TEXT NOT NULL, symbol TEXT NOT NULL, kind TEXT NOT NULL,
            widest INTEGER NOT NULL, UNIQUE (venue, symbol, kind)
        ) STRICT""",
        """CREATE TABLE entries (
            position INTEGER PRIMARY KEY, stream INTEGER NOT NULL, first INTEGER NOT NULL,
            last INTEGER NOT NULL, received INTEGER NOT NULL, events BLOB NOT NULL
        ) STRICT""",
        "CREATE INDEX entries_in_order ON entries (stream, position)",
        "CREATE INDEX entries_by_first ON entries (stream, first, position, last)",
        "CREATE INDEX entries_by_last ON entries (stream, last, position, first)",
        "CREATE INDEX entries_by_age ON entries (stream, received)",
        """CREATE TABLE books (
            venue TEXT NOT NULL, symbol TEXT NOT NULL, view BLOB NOT NULL,
            PRIMARY KEY (venue, symbol)
        ) STRICT""",
        """CREATE TABLE rejection_counts (
            venue TEXT NOT NULL, reason TEXT NOT NULL, count INTEGER NOT NULL,
            PRIMARY KEY (venue, reason)
        ) STRICT""",
        """CREATE TABLE rejections (
            id INTEGER PRIMARY KEY, venue TEXT NOT NULL, reason TEXT NOT NULL,
            detail TEXT NOT NULL, sample BLOB NOT NULL, received_at INTEGER NOT NULL,
            symbol TEXT NOT NULL
        ) STRICT""",
        _LEASES,
        *_IDENTITY,
        _MEMBERS,
    ),
    steps={1: (_LEASES,), 2: _IDENTITY, 3: (_MEMBERS,)},
)

WARM = Schema(
    application_id=0x4D44_5741,
    version=5,
    statements=(
        """CREATE TABLE aggregates (
            venue TEXT NOT NULL, symbol TEXT NOT NULL, timeframe TEXT NOT NULL,
            start INTEGER NOT NULL, position INTEGER NOT NULL, final INTEGER NOT NULL,
            body BLOB NOT NULL, UNIQUE (venue, symbol, timeframe, start)
        ) STRICT""",
        "CREATE INDEX aggregates_open ON aggregates (venue, symbol) WHERE final = 0",
        _AGGREGATES_CHANGED,
        """CREATE TABLE coverage (
            venue TEXT NOT NULL, symbol TEXT NOT NULL, stream TEXT NOT NULL, key TEXT NOT NULL,
            start INTEGER NOT NULL, end INTEGER NOT NULL, open INTEGER NOT NULL,
            body BLOB NOT NULL, UNIQUE (venue, symbol, key)
        ) STRICT""",
        """CREATE INDEX coverage_settled ON coverage (venue, symbol, stream, start, end)
        WHERE open = 0""",
        "CREATE INDEX coverage_open ON coverage (venue, symbol, stream) WHERE open = 1",
        # `widest` bounds end - start of the settled rows, as that of a stream does for its entries.
        """CREATE TABLE coverage_marks (
            venue TEXT NOT NULL, symbol TEXT NOT NULL, trades INTEGER NOT NULL,
            status INTEGER NOT NULL, widest INTEGER NOT NULL, body BLOB NOT NULL,
            PRIMARY KEY (venue, symbol)
        ) STRICT""",
        """CREATE TABLE instruments (
            venue TEXT NOT NULL, symbol TEXT NOT NULL, scale_version INTEGER NOT NULL,
            tick TEXT NOT NULL, lot TEXT NOT NULL, PRIMARY KEY (venue, symbol, scale_version)
        ) STRICT""",
        _MARKETS,
        _HORIZONS,
        _RECONCILIATIONS,
        _RECONCILED_BY_VERDICT,
        *FLOW_TABLES,
        _KEYS,
    ),
    # None leads from 1, which knew of no coverage: nothing in it could be proven or mended.
    steps={
        2: _POSITIONS,
        3: (_AGGREGATES_CHANGED, _RECONCILIATIONS, _RECONCILED_BY_VERDICT, *FLOW_TABLES),
        4: (_KEYS,),
    },
)


def prepare(connection: sqlite3.Connection, schema: Schema) -> None:
    """Create the tables in an empty file, or check that the file holds this very schema.

    A file of an older version that `steps` knows is brought to this one, whole or not at all.
    Raises StorageError on another program's file or another version, sqlite3.Error on damage.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        if _is_empty(connection):
            _create(connection, schema)
        else:
            _check(connection, schema)
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def why_unreadable(schema: Schema, version: int) -> str:
    """Say why a file of this version cannot be used, and what to do; empty where it can be."""
    while version in schema.steps:
        version += 1
    if version == schema.version:
        return ""
    said = f"the file has schema version {version}, this program reads {schema.version}"
    if version > schema.version:
        return f"{said}; run the newer program that wrote it, or restore a backup from before it"
    return f"{said} and knows no step from there; begin with an empty folder"


def _is_empty(connection: sqlite3.Connection) -> bool:
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    return not tables and not _pragma(connection, "application_id")


def _create(connection: sqlite3.Connection, schema: Schema) -> None:
    for statement in schema.statements:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {schema.application_id}")
    connection.execute(f"PRAGMA user_version = {schema.version}")


def _check(connection: sqlite3.Connection, schema: Schema) -> None:
    found = _pragma(connection, "application_id")
    if found != schema.application_id:
        msg = f"the file belongs to another use (application id {found:#x})"
        raise StorageError(msg)
    version = _pragma(connection, "user_version")
    if why := why_unreadable(schema, version):
        raise StorageError(why)
    for step in range(version, schema.version):
        for statement in schema.steps[step]:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {step + 1}")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    (value,) = connection.execute(f"PRAGMA {name}").fetchone()
    return int(value)
