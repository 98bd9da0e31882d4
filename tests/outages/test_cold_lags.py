"""S3 away from the start while days are due: tiering lags, nothing goes, and it catches up."""

import asyncio
import os
import subprocess
from datetime import UTC, datetime
from decimal import Decimal
from random import Random

import httpx2
import pytest
from deployed import PATIENCE_S, Deployed
from msgspec.structs import replace
from processes import COMMAND, NO_TLS, ask, eventually

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S, Side, Timeframe, Venue
from cloud_marketdata.storage.deployment import Deployment, open_stores
from cloud_marketdata.storage.ports import Batch, Stream, StreamKind

ETH = Instrument(Venue.BINANCE_USDM, "ETHUSDT", Scale(Decimal("0.01"), Decimal("0.001")))
STREAM = Stream(ETH.venue, ETH.symbol, StreamKind.TRADES)
DAY = Timeframe.D1.ns
DAYS = 3
WAITING = 2
"""The last one is over only when the market has gone on for long enough."""
EVERY = 1800 * NS_PER_S


def old_trades() -> list[TradeEvent]:
    """Return a trade each half an hour of three whole days that ended two days ago."""
    now = SystemClock().now()
    first = now // DAY * DAY - (DAYS + 2) * DAY
    times = range(first, first + DAYS * DAY, EVERY)
    return [
        TradeEvent(ETH, number, 200_000 + number % 7, number, Side.BUY, time, now, number, 1, 0)
        for number, time in enumerate(times, 1)
    ]


async def plant(places: dict[str, str], folder, trades: list[TradeEvent]) -> None:
    settings = Settings(**places, data_dir=folder)
    random = Random(1)  # noqa: S311  a seed must repeat
    async with open_stores(Deployment(settings, SystemClock(), random, appends=False)) as stores:
        await stores.instruments.save([ETH])
        # One that is young tells that those days are over.
        newest = SystemClock().now() - DAY // 2
        young = replace(trades[-1], id=1000, sequence=1000, exchange_time=newest)
        for trade in (*trades, young):
            await stores.log.append([Batch(STREAM, [trade])])


def component(url: str, name: str) -> tuple[int, dict]:
    """Return the status code of /health, and what it says of one component."""
    answer = httpx2.get(f"{url}/health", trust_env=False, timeout=10, verify=NO_TLS)
    told = answer.json()["detail"]["components"]
    return answer.status_code, next(one for one in told if one["name"] == name)


def lagging(url: str) -> bool:
    code, archive = component(url, "archive")
    _, s3 = component(url, "s3")
    waits = archive["detail"]["waiting_days"] >= WAITING
    return (code, s3["state"], archive["state"], waits) == (200, "unavailable", "lagging", True)


def archived(url: str) -> bool:
    detail = component(url, "archive")[1]["detail"]
    return detail["archived_days"] >= WAITING and detail["waiting_days"] == 0


def volumes(url: str, trades: list[TradeEvent]) -> list[Decimal]:
    """Return the volume of every day, as REST tells it."""
    span = {
        "start": trades[0].exchange_time // NS_PER_MS,
        "end": trades[-1].exchange_time // NS_PER_MS + 1,
    }
    path = f"/v1/markets/{ETH.venue}/{ETH.symbol}/candles"
    candles = ask(url, path, timeframe="1d", **span)["data"]
    return [Decimal(candle["volume"]) for candle in candles]


@pytest.fixture
def places(s3_server, deployment):
    """A deployment whose S3 does not run."""
    s3_server.stop()
    yield deployment
    s3_server.start()


def test_days_wait_for_an_s3_that_is_away_and_are_archived_when_it_comes(
    places, s3_server, tmp_path
):
    trades = old_trades()
    asyncio.run(plant(places, tmp_path / "plant", trades))
    sizes = [Decimal(sum(t.size for t in trades[at : at + 48])) / 1000 for at in (0, 48, 96)]
    with Deployed(tmp_path, places, {}, MARKETDATA_TIERING_EVERY_S="0.5") as deployed:
        service = deployed.program("all")
        deployed.launch(service)
        url = eventually(lambda: deployed._url(service), PATIENCE_S)
        eventually(lambda: lagging(url), PATIENCE_S)
        assert volumes(url, trades) == sizes

        s3_server.start()
        eventually(lambda: archived(url), PATIENCE_S)
        eventually(lambda: ask(url, "/health")["status"] == "healthy", PATIENCE_S)
        assert volumes(url, trades) == sizes
        service.stop(PATIENCE_S)

    day = datetime.fromtimestamp(trades[48].exchange_time // NS_PER_S, UTC).date()
    env = {f"MARKETDATA_{name.upper()}": value for name, value in places.items()}
    verified = [*COMMAND, "verify", "--all", str(day), "--data-dir", str(tmp_path)]
    told = subprocess.run(
        verified, check=False, env={**os.environ, **env}, capture_output=True, text=True
    )
    assert told.returncode == 0, told.stdout + told.stderr
