"""What must hold of a deployment in the end, whatever happened to its members.

The log against every trade of the venues; what is stored against brute force over the log; candles
against the venues' own klines; one replica against the other; and what a listener has heard against
the log.
"""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

import httpx2
from cluster_market import MarketName
from cluster_stage import ClusterStage
from processes import NO_TLS, SLOW_S, ask
from rawlog import RawLog
from verdict import FEARED, NEVER, Compared, judge_market

from cloud_marketdata.domain.coverage import Covered
from cloud_marketdata.domain.ledger import Ledger
from cloud_marketdata.domain.values import Exchange, Venue
from cloud_marketdata.storage.mongo import MongoPlan, open_mongo
from cloud_marketdata.storage.ports import Stream, StreamKind

_MINUTE_MS: Final = 60_000
_BAR_MS: Final = 5_000
_LATE_MS: Final = 5_000
_KLINES: Final = {Venue.BINANCE_SPOT: "/api/v3/klines", Venue.BINANCE_USDM: "/fapi/v1/klines"}
_PRICES: Final = ("open", "high", "low", "close", "volume", "quote_volume")


class Verdict(NamedTuple):
    """How much was compared and found right; what the ledgers fear although nothing is lost."""

    compared: Compared
    minutes: int
    answers: int
    heard: int
    feared: int


def spans(stage: ClusterStage) -> dict[MarketName, tuple[int, int]]:
    """Return by market when the first and the last trade of its log were, in ms."""
    found = {}
    for stream in stage.log.ends():
        times = [t.exchange_time // 1_000_000 for _, ts in stage.log.records(stream) for t in ts]
        found[stream.venue, stream.symbol] = (min(times), max(times))
    return found


def replicas_agree(stage: ClusterStage, *, live: bool) -> int:
    """Assert that both replicas give the same bytes for closed ranges; return how many answers.

    live: trades still come, so that only bars of some seconds ago are closed.
    """
    count = 0
    for (venue, symbol), (first, last) in spans(stage).items():
        end = (last - _LATE_MS) // _BAR_MS * _BAR_MS if live else last + 1
        for question in _questions(f"start={first}&end={end}", "5s" if live else "1m"):
            path = f"/v1/markets/{venue}/{symbol}/{question}"
            one, two = (_data(url + path) for url in stage.urls)
            assert one == two, f"{path}\n{one[:500]!r}\n{two[:500]!r}"
            assert len(one) > len(b"[]"), path
            count += 1
    return count


def _questions(span: str, timeframe: str) -> list[str]:
    asked = [
        f"trades?{span}&limit=1000",
        f"volume-profile?{span}",
        f"order-flow?timeframe={timeframe}&{span}",
        f"candles?timeframe={timeframe}&{span}",
    ]
    # There is no footprint of seconds, and a stretch of coverage is told with its newest id.
    still = [f"footprint?timeframe={timeframe}&{span}", f"coverage?{span}"]
    return asked if timeframe == "5s" else [*asked, *still]


def _data(url: str) -> bytes:
    """Return the bytes of `data`, without the `meta` that tells when it was asked."""
    answer = httpx2.get(url, timeout=SLOW_S, trust_env=False, verify=NO_TLS)
    assert answer.status_code == httpx2.codes.OK, answer.text
    body = answer.content
    begin, end = body.index(b'"data":'), body.rindex(b',"meta":')
    return body[begin + len(b'"data":') : end]


def minutes_equal_klines(stage: ClusterStage) -> int:
    """Assert that whole minutes are what the venues publish; return how many there were."""
    count = 0
    for market, (first, last) in spans(stage).items():
        begin, end = -(-first // _MINUTE_MS) * _MINUTE_MS, last // _MINUTE_MS * _MINUTE_MS
        theirs = {at: row for at, row in _klines(stage, market, begin).items() if at < end}
        venue, symbol = market
        path = f"/v1/markets/{venue}/{symbol}/candles"
        rows = (
            ask(stage.urls[0], path, timeframe="1m", start=begin, end=end)["data"]
            if (begin < end)
            else []
        )
        ours = {int(row["open_time"]): row for row in rows}
        for at, told in theirs.items():
            said = {name: Decimal(str(ours[at][name])) for name in told}
            if venue.exchange is Exchange.BYBIT:
                # There a minute opens where the one before closed, which is then in it.
                opened = said["open"] = told["open"]
                said["high"] = max(said["high"], opened)
                said["low"] = min(said["low"], opened)
            if said == told:
                count += 1
                continue
            # A minute of which trades are lost for good is told as one that may be incomplete.
            shares = stage.coverage(market, at, at + _MINUTE_MS)["shares"]
            assert shares["unknown"] + shares["missing"] > 0, f"{market} {at}: {said}, not {told}"
    return count


def _klines(stage: ClusterStage, market: MarketName, begin: int) -> Mapping[int, Any]:
    venue, symbol = market
    url = f"http://127.0.0.1:{stage.venues.ports[venue]}"
    if venue.exchange is Exchange.BYBIT:
        category = venue.removeprefix("bybit-")
        asked = {"category": category, "symbol": symbol, "interval": "1", "start": begin}
        rows = ask(url, "/v5/market/kline", **asked)["result"]["list"]
        named = [dict(zip(_PRICES, row[1:7], strict=True)) | {"at": row[0]} for row in rows]
    else:
        rows = ask(url, _KLINES[venue], symbol=symbol, interval="1m", startTime=begin, limit=1000)
        named = [
            dict(zip(_PRICES, (*row[1:6], row[7]), strict=True))
            | {"at": row[0], "count": row[8], "taker_buy_volume": row[9]}
            for row in rows
        ]
    return {
        int(row.pop("at")): {name: Decimal(str(value)) for name, value in row.items()}
        for row in named
    }


def listener_missed_nothing(stage: ClusterStage) -> int:
    """Assert that who listened heard what is in the log, each once; return how many trades."""
    count = 0
    assert stage.listener.begun.keys() == stage.venues.tapes.keys(), stage.listener.told
    for (venue, symbol), heard in stage.listener.heard.items():
        begun = stage.listener.begun[venue, symbol]
        until = stage.listener.since[venue, symbol]["seq"]
        stream = Stream(venue, symbol, StreamKind.TRADES)
        told = [
            str(trade.id)
            for position, trades in stage.log.records(stream)
            for trade in trades
            if begun < position <= until
        ]
        assert [str(one) for one in heard] == told, f"{stream}: {len(heard)} of {len(told)}"
        count += len(told)
    return count


def judged(stage: ClusterStage) -> tuple[Compared, int]:
    """Hold log and store against the venues; for a deployment that has been finished.

    Returns how much was compared, and how many intervals of the ledgers fear a loss.
    """
    total, feared = Compared(), 0
    log: RawLog = stage.log
    for stream in log.ends():
        tape = stage.venues.tapes[stream.venue, stream.symbol]
        found = judge_market(log, stream, tape, stage.servers.places)
        total = Compared(*map(sum, zip(total, found, strict=True)))
        feared += asyncio.run(_feared(stream, stage.servers.places))
    return total, feared


async def _feared(stream: Stream, places: Mapping[str, str]) -> int:
    plan = MongoPlan(places["mongodb_url"], places["mongodb_database"], SLOW_S)
    async with open_mongo(plan) as warm:
        kept = await warm.part.coverage.find(stream.venue, stream.symbol, 0, NEVER)
    intervals = Ledger(stream.venue, stream.symbol, kept).intervals(Covered.TRADES)
    return sum(one.state in FEARED for one in intervals)
