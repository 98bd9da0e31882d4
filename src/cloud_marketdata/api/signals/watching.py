"""How much of a range the detectors have looked at, so that "none" is not taken for "not looked".

Minutes are told also where nothing happened, except while a market stands still for long. They are
kept for a shorter time than signals: of older time it is known that somebody looked, not how often.
"""

from cloud_marketdata.api.signals.schemas import WatchOut
from cloud_marketdata.api.times import TimeRange, iso
from cloud_marketdata.domain.quality import Quality
from cloud_marketdata.domain.signal import Signal
from cloud_marketdata.domain.values import NS_PER_MS, Timeframe
from cloud_marketdata.storage.flow_ports import Watched

_M1 = Timeframe.M1
_NEVER = "no detector has looked at this yet: that there are none says nothing"
_FACTS = "anomalies are judged by their own evidence; coverage of a range does not apply"


def watch_out(watched: Watched | None, asked: TimeRange) -> WatchOut:
    """Describe what was looked at; `watched` counts the minutes of the widened range."""
    if watched is None:
        return WatchOut(since=None, until=None, minutes=0, missing=None, warming=[])
    newest = watched.newest
    return WatchOut(
        since=watched.began // NS_PER_MS,
        until=(newest.start + _M1.ns) // NS_PER_MS if newest else None,
        minutes=watched.minutes,
        missing=_missing(watched, asked),
        warming=list(newest.warming) if newest else [],
    )


def watch_quality(
    watched: Watched | None,
    asked: TimeRange,
    shown: list[Signal],
    now: int,
    sources: tuple[str, ...],
) -> Quality:
    """Judge an answer by how far the detectors have come, and say what they did not see."""
    seen = _seen_until(watched, shown)
    as_of = None if seen is None else min(seen, asked.end)
    return Quality(
        as_of=as_of,
        staleness_ms=None if as_of is None else max(0, now - as_of) // NS_PER_MS,
        coverage=None,
        late=0,
        revision=max((signal.revision for signal in shown), default=0),
        reconciled="unavailable",
        sources=sources,
        reasons=(_FACTS, *_reasons(watched, asked, min(asked.end, now))),
    )


def _reasons(watched: Watched | None, asked: TimeRange, end: int) -> list[str]:
    if watched is None:
        return [_NEVER]
    reasons = []
    if asked.start < watched.began:
        reasons.append(f"nobody looked before {iso(watched.began)}")
    if watched.newest is None:
        return [*reasons, "what was looked at is so old that its minutes are no longer kept"]
    until = watched.newest.start + _M1.ns
    # The open minute is told when it is over; one more is the patience of the watermark.
    if until < end - 2 * _M1.ns:
        reasons.append(f"looked at up to {iso(until)}; what came later is not known yet")
    missing = _missing(watched, asked)
    if missing:
        reasons.append(f"{missing} minutes inside were not looked at, or the market stood still")
    if watched.newest.warming:
        reasons.append(f"warming, and silent: {', '.join(watched.newest.warming)}")
    return reasons


def _missing(watched: Watched, asked: TimeRange) -> int | None:
    if watched.newest is None or watched.oldest is None:
        return None
    span = asked.widened(_M1)
    start = max(span.start, watched.oldest)
    end = min(span.end, watched.newest.start + _M1.ns)
    return max(0, (end - start) // _M1.ns - watched.minutes)


def _seen_until(watched: Watched | None, shown: list[Signal]) -> int | None:
    """Return up to when the tape was seen: signals are told before their minute is over."""
    times = [signal.detected for signal in shown]
    if watched is not None and watched.newest is not None:
        times.append(watched.newest.start + _M1.ns)
    return max(times, default=None)
