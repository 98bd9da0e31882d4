"""Bytes of what was stored, as an engine tells them."""

import sqlite3
from pathlib import Path

from msgspec import Struct


class Size(Struct, frozen=True):
    """Bytes of `count` things that were stored; `detail` says how they are made up."""

    tier: str
    engine: str
    what: str
    count: int
    bytes: int
    each: float
    detail: dict[str, int]


def size(tier: str, engine: str, what: str, count: int, parts: dict[str, int]) -> Size:
    """Return the size of `count` things whose bytes are the sum of the parts."""
    total = sum(parts.values())
    return Size(tier, engine, what, count, total, round(total / max(count, 1), 1), parts)


def sqlite_bytes(path: Path) -> int:
    """Return the bytes of the pages in use, after everything has come into the file."""
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA wal_checkpoint(FULL)").fetchall()
        used, free, page = (
            int(connection.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size")
        )
    finally:
        connection.close()
    return (used - free) * page
