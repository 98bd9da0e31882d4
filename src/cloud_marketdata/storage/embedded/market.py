"""What outlives a market's aggregates in SQLite: its position, its fence and its horizons."""

import sqlite3

from cloud_marketdata.core.errors import FencedError
from cloud_marketdata.domain.values import Timeframe, Venue

_FENCE = """
    INSERT INTO markets (venue, symbol, position, fence) VALUES (?, ?, 0, ?)
    ON CONFLICT DO UPDATE SET fence = excluded.fence WHERE excluded.fence >= fence"""
_ADVANCE = """
    UPDATE markets SET position = max(position, ?3) WHERE venue = ?1 AND symbol = ?2"""
_POSITION = "SELECT position FROM markets WHERE venue = ? AND symbol = ?"
_HIGHEST = """
    SELECT max(coalesce((SELECT max(position) FROM markets), 0),
    coalesce((SELECT max(trades) FROM coverage_marks), 0),
    coalesce((SELECT max(status) FROM coverage_marks), 0))"""
_FORGET = """
    DELETE FROM aggregates
    WHERE venue = ? AND symbol = ? AND timeframe = ? AND start <= ? AND final = 1"""
_HORIZON = "SELECT before FROM horizons WHERE venue = ? AND symbol = ? AND timeframe = ?"
_SET_HORIZON = """
    INSERT INTO horizons (venue, symbol, timeframe, before) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET before = max(before, excluded.before)"""

MarketKey = tuple[Venue, str]


def fence_off(connection: sqlite3.Connection, market: MarketKey, fence: int) -> None:
    """Keep everybody with a lower token out from now on; raises FencedError at a higher one."""
    if not connection.execute(_FENCE, (*market, fence)).rowcount:
        venue, symbol = market
        msg = f"{venue} {symbol} has seen a fencing token above {fence}"
        raise FencedError(msg)


def advance(connection: sqlite3.Connection, market: MarketKey, position: int) -> None:
    """Note that the log is inside up to the position; the market must have been fenced off."""
    connection.execute(_ADVANCE, (*market, position))


def forget(
    connection: sqlite3.Connection, market: MarketKey, timeframe: Timeframe, before: int
) -> int:
    """Remove what is final and ends at or before `before`, for good; return how many went."""
    gone = connection.execute(_FORGET, (*market, timeframe, before - timeframe.ns)).rowcount
    connection.execute(_SET_HORIZON, (*market, timeframe, before))
    return gone


def horizon(connection: sqlite3.Connection, market: MarketKey, timeframe: Timeframe) -> int:
    """Return the time before which aggregates were removed, or 0."""
    return _number(connection, _HORIZON, (*market, timeframe))


def position(connection: sqlite3.Connection, market: MarketKey) -> int:
    """Return the highest log position that was ever inside a saved aggregate, or 0."""
    return _number(connection, _POSITION, market)


def highest(connection: sqlite3.Connection) -> int:
    """Return the highest log position inside anything saved, or 0."""
    return _number(connection, _HIGHEST, ())


def _number(connection: sqlite3.Connection, query: str, values: tuple[str, ...]) -> int:
    row = connection.execute(query, values).fetchone()
    return int(row[0]) if row else 0
