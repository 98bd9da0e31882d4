"""What a comparison says of a minute, as the record that is kept of it. Pure.

A record is told again, with the next revision, when a comparison says something else than before.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.klines import RULES, Kline, KlineRule, differing, told
from cloud_marketdata.domain.reconciled import Reconciled, Verdict
from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.processing.reconciliation.minutes import Minute


def compared(market: tuple[Venue, str], minute: Minute, kline: Kline, now: int) -> Reconciled:
    """Return what the venue's kline says of a minute."""
    venue, symbol = market
    rule = RULES[venue.exchange]
    fields = differing(minute.ours, kline.fields, minute.close_before, rule)
    return Reconciled(
        venue,
        symbol,
        minute.start,
        Verdict.MISMATCH if fields else Verdict.EXACT,
        checked_at=now,
        fields=fields,
        ours=dict(minute.ours),
        theirs=dict(kline.fields),
        bar_revision=minute.bar_revision,
        note=_kept_out(minute.bucket) if fields else "",
    )


def unavailable(market: tuple[Venue, str], minute: Minute, why: str, now: int) -> Reconciled:
    """Return that the venue had nothing to say of a minute for too long."""
    venue, symbol = market
    return Reconciled(
        venue,
        symbol,
        minute.start,
        Verdict.UNAVAILABLE,
        checked_at=now,
        ours=dict(minute.ours),
        bar_revision=minute.bar_revision,
        note=why,
    )


def refetched(record: Reconciled, minute: Minute, trades: Sequence[TradeEvent]) -> Reconciled:
    """Return a mismatch with the bar of the trades that were asked for again beside both others."""
    rule = RULES[record.venue.exchange]
    again = _bar_of(minute, trades, rule)
    rest = differing(again, record.theirs, minute.close_before, rule)
    if not rest:
        note = "asked for again, the venue's trades make its kline: we had others"
    elif again == record.ours:
        note = "asked for again, the venue's trades are ours: they do not make its kline"
    else:
        note = f"asked for again, the trades still differ in {', '.join(rest)}"
    return replace(record, refetched=again, note=_joined(record.note, note))


def noted(record: Reconciled, note: str) -> Reconciled:
    """Return a record that says one thing more."""
    return replace(record, note=_joined(record.note, note))


def following(before: Reconciled | None, record: Reconciled) -> Reconciled | None:
    """Return the record as the next revision of the one before; None where it says the same.

    When it was asked and in which words it is noted makes no difference.
    """
    if before is None:
        return record
    same = replace(record, checked_at=before.checked_at, note=before.note, revision=before.revision)
    return None if same == before else replace(record, revision=before.revision + 1)


def _bar_of(minute: Minute, trades: Sequence[TradeEvent], rule: KlineRule) -> dict[str, str]:
    inside = [trade for trade in trades if minute.start <= trade.exchange_time < minute.end]
    if not inside:
        return {}
    made = Aggregate(inside[0].instrument, Timeframe.M1, minute.start)
    for trade in inside:
        made.add(trade)
    return told(made, rule)


def _kept_out(bucket: Aggregate | None) -> str:
    kinds = bucket.span.off_book if bucket and bucket.span else {}
    told_of = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    return f"kept out of our bar: {told_of}" if told_of else ""


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)
