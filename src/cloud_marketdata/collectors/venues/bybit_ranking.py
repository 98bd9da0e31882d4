"""Bybit's symbols by 24 h turnover: pages of instruments-info tell what trades, tickers how much.

A symbol that does not trade now, or whose turnover is no plain decimal, has no rank.
"""

from typing import Final
from urllib.parse import quote

import msgspec
from msgspec import Struct, field

from cloud_marketdata.collectors.base import Ask, Questions
from cloud_marketdata.collectors.ranking import Ranked, volumes
from cloud_marketdata.collectors.venues.bybit_wire import UNREADABLE
from cloud_marketdata.core.errors import VenueError


class Row(Struct, rename="camel"):
    """A row of instruments-info or of tickers: each has what the other lacks."""

    symbol: str
    status: str = ""
    quote_coin: str = ""
    turnover24h: str = ""


class Page(Struct):
    """Rows, and where they go on; tickers come in one page."""

    rows: list[Row] = field(name="list", default_factory=list)
    cursor: str = field(name="nextPageCursor", default="")


class Reply(Struct, rename="camel"):
    """REST instruments-info or tickers, or its refusal."""

    ret_code: int
    ret_msg: str = ""
    result: Page | None = None


_TRADING: Final = "Trading"
_PAGES_MAX: Final = 20
_reply = msgspec.json.Decoder(Reply)


def ranking(category: str) -> Questions[list[Ranked]]:
    """Ask for everything and return the ranking; raises VenueError when an answer is none."""
    listed = yield from _listed(f"/v5/market/instruments-info?category={category}&limit=1000")
    tickers = _page((yield Ask(f"/v5/market/tickers?category={category}")))
    known = volumes((row.symbol, row.turnover24h) for row in tickers.rows)
    return [
        Ranked(row.symbol, row.quote_coin, known[row.symbol])
        for row in listed
        if row.status == _TRADING and row.symbol in known
    ]


def _listed(path: str) -> Questions[list[Row]]:
    rows: list[Row] = []
    cursor = ""
    for _ in range(_PAGES_MAX):
        # A cursor comes escaped already; what is not is escaped here.
        more = f"&cursor={quote(cursor, safe='%')}" if cursor else ""
        page = _page((yield Ask(path + more)))
        rows += page.rows
        cursor = page.cursor
        # The last page may name a cursor too, behind which there is nothing.
        if not (cursor and page.rows):
            return rows
    msg = f"instruments-info goes on behind {_PAGES_MAX} pages"
    raise VenueError(msg)


def _page(body: bytes) -> Page:
    try:
        reply = _reply.decode(body)
    except UNREADABLE as error:
        msg = f"ranking not understood: {error}"
        raise VenueError(msg) from error
    if reply.ret_code or reply.result is None:
        msg = f"ranking refused: {reply.ret_code} {reply.ret_msg}"
        raise VenueError(msg)
    return reply.result
