"""`marketdata rebuild`: every stored aggregate, recomputed from what it was made of; read-only.

Exit 0 where nothing differs, 1 where something does, 2 for bad input. What the raw trades or finer
aggregates no longer cover is counted as such: it is neither proven nor suspected.
"""

from pathlib import Path
from random import SystemRandom
from typing import Any

import uvloop
from cyclopts import App

from cloud_marketdata.cli.voice import say, say_json
from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.config import Settings, load
from cloud_marketdata.core.errors import UnknownMarketError
from cloud_marketdata.core.logs import configure
from cloud_marketdata.domain.values import NS_PER_MS, Venue
from cloud_marketdata.processing.comparing import Finding, Outcome
from cloud_marketdata.processing.rebuild import Report, Scope, rebuild_all


def register(app: App) -> None:
    """Add the command."""
    app.command(rebuild)


def rebuild(
    *,
    venue: Venue | None = None,
    symbol: str | None = None,
    start: str | None = None,
    end: str | None = None,
    json: bool = False,
    config: Path | None = None,
    data_dir: Path | None = None,
) -> int:
    """Recompute what is stored from raw trades and from finer aggregates, and tell what differs.

    Args:
        venue: only this venue's markets.
        symbol: only the markets of this symbol.
        start: only buckets that begin at or after this time; ISO-8601 with offset, or epoch ms.
        end: only buckets that begin before this time.
        json: print one JSON document.
        config: TOML file with settings.
        data_dir: the data folder of an embedded store.
    """
    from cloud_marketdata.api.times import parse_time  # noqa: PLC0415  pays for the API's imports

    settings = load(config, **({} if data_dir is None else {"data_dir": data_dir}))
    configure("warning")
    first = parse_time(start, "start") if start else 0
    last = parse_time(end, "end") if end else 1 << 62
    reports = uvloop.run(_rebuilt(settings, venue, symbol, (first, last)))
    findings = [found for report in reports.values() for found in report.findings]
    if json:
        markets = [_market(scope, report) for scope, report in reports.items()]
        say_json({"ok": not findings, "markets": markets})
    else:
        for scope, report in reports.items():
            _tell(scope, report)
    return 1 if findings else 0


async def _rebuilt(
    settings: Settings, venue: Venue | None, symbol: str | None, times: tuple[int, int]
) -> dict[Scope, Report]:
    from cloud_marketdata.storage.deployment import (  # noqa: PLC0415  imports every engine
        Deployment,
        open_stores,
    )

    deployment = Deployment(settings, SystemClock(), SystemRandom(), appends=False)
    async with open_stores(deployment) as stores:
        reports = await rebuild_all(stores, venue, symbol, *times)
    if not reports:
        msg = "nothing is stored of such a market"
        raise UnknownMarketError(msg)
    return reports


def _market(scope: Scope, report: Report) -> dict[str, Any]:
    counts: dict[str, dict[str, dict[str, int]]] = {}
    for (tier, timeframe, outcome), count in sorted(report.counts.items()):
        found = counts.setdefault(tier, {}).setdefault(timeframe, dict.fromkeys(Outcome, 0))
        found[outcome] = count
    differences = [_finding(found) for found in report.findings]
    return {
        "venue": scope.venue,
        "symbol": scope.symbol,
        "tiers": counts,
        "differences": differences,
    }


def _finding(found: Finding) -> dict[str, Any]:
    return {
        "tier": found.tier,
        "timeframe": found.timeframe,
        "start_ms": found.start // NS_PER_MS,
        "recomputed_from": found.source,
        "differing": found.differing,
        "fields": found.fields,
    }


def _tell(scope: Scope, report: Report) -> None:
    say(f"{scope.venue} {scope.symbol}")
    for (tier, timeframe, outcome), count in sorted(report.counts.items()):
        if count:
            say(f"  {tier} {timeframe}: {count} {outcome.replace('_', ' ')}")
    for found in report.findings:
        at = f"{found.tier} {found.timeframe} at {found.start // NS_PER_MS} ms"
        say(f"  {at} differs from {found.source} in {found.differing} fields:")
        for name, field in found.fields.items():
            by = f" (by {field.by})" if field.by else ""
            say(f"    {name}: stored {field.stored}, recomputed {field.recomputed}{by}")
