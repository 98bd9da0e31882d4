"""A capture between a simulator that plays tricks and a service that collects it."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
from processes import NO_TLS, SLOW_S, ask, listed, settings, simulating
from truth import FIELDS, USDM, Market, ids, klines, times, undisturbed

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.domain.values import NS_PER_MS, Timeframe, Venue
from cloud_marketdata.storage.embedded import open_embedded
from cloud_marketdata.storage.ports import Record, Stream, StreamKind

MINUTE_MS = 60_000


class Line(NamedTuple):
    """A capture on its way to a service: the venue's port, and by how much all times are moved."""

    market: Market
    port: int
    shift: int

    @property
    def venue_url(self) -> str:
        """Where the venue answers."""
        return f"http://127.0.0.1:{self.port}"

    def env(self, folder: Path, **more: str) -> dict[str, str]:
        """Return the settings of a service that collects it."""
        return settings([self.market.venue], self.market.symbols, self.port, folder, **more)

    def ended(self) -> bool:
        """Whether the last trade of a Binance capture has been sent."""
        base = "/fapi/v1" if self.market is USDM else "/api/v3"
        ticker = ask(self.venue_url, f"{base}/ticker/24hr", symbol="BTCUSDT")
        return ticker["lastId"] == ids(self.market)[-1]

    def struck(self, at: int = 0) -> int:
        """Return how often a fault has struck, by its place."""
        return ask(self.venue_url, "/_faults")["faults"][at]["struck"]

    def mend(self) -> None:
        """End all faults; the times stay moved."""
        httpx2.delete(f"{self.venue_url}/_faults", timeout=SLOW_S, trust_env=False)
        if self.shift:
            self.strike(f"skew ms={self.shift}")

    def strike(self, faults: str) -> None:
        """Set faults."""
        strike(self.venue_url, faults)


def strike(venue_url: str, faults: str) -> None:
    """Set faults at a simulator."""
    asked = f"{venue_url}/_faults"
    answer = httpx2.post(asked, content=faults, timeout=SLOW_S, trust_env=False)
    assert answer.is_success, answer.text


@contextmanager
def line(market: Market, *faults: str, seed: int = 0, speed: object = "max") -> Iterator[Line]:
    """Serve a capture with faults."""
    shift = market.shift_ms(SystemClock().now() // NS_PER_MS)
    skew = (f"skew ms={shift}",) if shift else ()
    captures = [part for path in market.captures for part in ("--capture", path)]
    told = [part for fault in (*faults, *skew) for part in ("--faults", fault)]
    options = ("--seed", seed, "--speed", speed)
    with simulating("--venue", market.venue, *captures, *listed(), *options, *told) as port:
        yield Line(market, port, shift)


def collector(url: str, venue: str) -> dict[str, Any]:
    """Return what /health says of a venue, well or not: a line that is quiet again is neither."""
    answer = httpx2.get(f"{url}/health", timeout=SLOW_S, trust_env=False, verify=NO_TLS)
    components = answer.json()["detail"]["components"]
    return next(c["detail"] for c in components if c["detail"].get("venue") == venue)


def trades_heard(url: str, served: Line) -> bool:
    """Whether a trade of every symbol has come; before that nothing lost could be proven."""
    venue = served.market.venue
    markets = [f"/v1/markets/{venue}/{symbol}/trades" for symbol in served.market.symbols]
    return all(ask(url, market, limit=1)["data"] for market in markets)


def nothing_waits(url: str, venue: str) -> bool:
    """Whether no gap waits to be filled."""
    return collector(url, venue)["backfill"]["waiting"] == 0


def coverage(url: str, served: Line) -> dict[str, Any]:
    """Return the ledger from the first trade to the last."""
    first, last = (at + served.shift for at in times(served.market))
    return ask(url, f"{served.market.path}/coverage", start=first, end=last + 1)["data"]


def bars(url: str, served: Line, count: int | None = None) -> dict[str, Any]:
    """Return the answer with the bars that the venue published too, or with the first of them."""
    market = served.market
    opens = market.opens[:count]
    end = opens[-1] + Timeframe(market.timeframe).ns // NS_PER_MS
    span = {"start": opens[0] + served.shift, "end": end + served.shift}
    return ask(url, f"{market.path}/candles", timeframe=market.timeframe, **span)


def state_hash(url: str, served: Line, symbol: str = "BTCUSDT") -> str:
    """Return the hash of every minute that holds a trade, whole."""
    first, last = (at // MINUTE_MS * MINUTE_MS + served.shift for at in times(served.market))
    span = {"start": first, "end": last + MINUTE_MS}
    path = f"/v1/markets/{served.market.venue}/{symbol}/candles"
    return ask(url, path, timeframe="1m", state_hash="true", **span)["meta"]["state_hash"]


def assert_exact(url: str, served: Line) -> None:
    """Compare with the venue's klines and with a replay in which nothing was lost."""
    rows = bars(url, served)["data"]
    assert [[Decimal(row[field]) for field in FIELDS] for row in rows] == klines(served.market)
    # What lies between the last trade and the end of its minute only a later trade could prove.
    quality = bars(url, served, -1)["meta"]["quality"]
    assert (quality["coverage"], quality["gaps"]) == (1.0, [])
    expected = undisturbed(served.market, served.shift)["BTCUSDT"]
    assert state_hash(url, served) == expected["state_hash"]
    known = coverage(url, served)
    assert {piece["state"] for piece in known["intervals"]} <= {"complete", "repaired"}
    assert known["missing_trades"] == 0


def records(folder: Path, venue: str, kind: StreamKind) -> list[Record]:
    """Return what a log that nobody writes any more holds of BTCUSDT."""

    async def read() -> list[Record]:
        found: list[Record] = []
        async with open_embedded(folder, SystemClock()) as stores:
            stream, after = Stream(Venue(venue), "BTCUSDT", kind), 0
            while page := await stores.log.read(stream, after=after, limit=1000):
                found += page
                after = page[-1].position
        return found

    return asyncio.run(read())


def logged(folder: Path, venue: str) -> Counter[int | str]:
    """Count the trades of a log by id."""
    trades = records(folder, venue, StreamKind.TRADES)
    return Counter(event.id for record in trades for event in record.events)


def each_once(folder: Path, market: Market) -> bool:
    """Whether the log holds every trade of a Binance capture once, and no other."""
    return logged(folder, market.venue) == Counter(ids(market))
