"""A closed minute that differs from the venue's own kline, as a signal with both sides inside.

The comparison is made elsewhere (processing.reconciling) and kept as a record; this says of the
record what a reader of anomalies needs. The same minute keeps its id: a later comparison that finds
it equal resolves what the earlier one told. Where trades of the minute are known or feared to be
missing, as in the first one of a market, the difference is no news: it is told as `info`.
"""

from typing import Final

from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.reconciled import Reconciled, Verdict
from cloud_marketdata.domain.signal import (
    Severity,
    Signal,
    SignalKind,
    SignalState,
    Subject,
    signal_id,
)
from cloud_marketdata.domain.values import Timeframe

NAME: Final = "kline_mismatch"
VERSION: Final = 2


def mismatch_signal(record: Reconciled, instrument: Instrument, *, whole: bool = True) -> Signal:
    """Describe a record of a mismatch, or of an exact minute that was one before.

    whole: whether no loss of a trade must be feared in the minute.
    Raises ValueError on a record that has not been compared: it says nothing either way.
    """
    if record.verdict not in {Verdict.EXACT, Verdict.MISMATCH}:
        msg = f"a {record.verdict} minute is no mismatch and resolves none"
        raise ValueError(msg)
    wrong = record.verdict is Verdict.MISMATCH
    subject = Subject.market(record.venue, record.symbol)
    end = record.start + Timeframe.M1.ns
    return Signal(
        signal_id(SignalKind.KLINE_MISMATCH, subject, record.start),
        SignalKind.KLINE_MISMATCH,
        instrument,
        record.start,
        end,
        end,
        SignalState.OPEN if wrong else SignalState.RESOLVED,
        Severity.CRITICAL if wrong and whole else Severity.INFO,
        float(len(record.fields)),
        0.0,
        None,
        NAME,
        VERSION,
        affects=record.fields,
        detail={**_detail(record), "whole": whole},
        revision=record.revision,
    )


def _detail(record: Reconciled) -> dict[str, int | float | str | bool]:
    """Return both sides of every field that differs, and what asking again came to."""
    told: dict[str, int | float | str | bool] = {}
    for field in record.fields:
        told[f"ours_{field}"] = record.ours.get(field, "none")
        told[f"theirs_{field}"] = record.theirs.get(field, "none")
        if record.refetched is not None:
            told[f"refetched_{field}"] = record.refetched.get(field, "none")
    told |= {"bar_revision": record.bar_revision, "checked_at": record.checked_at}
    return {**told, "note": record.note} if record.note else told
