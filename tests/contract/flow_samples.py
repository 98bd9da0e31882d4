"""Flow minutes, signals and changes for the contract suite, in the smallest form that is real."""

from contract_samples import BTC, VENUE

from cloud_marketdata.domain.flow import FlowMinute
from cloud_marketdata.domain.signal import (
    Evidence,
    Severity,
    Signal,
    SignalKind,
    SignalState,
    Subject,
)
from cloud_marketdata.domain.values import Side, Venue
from cloud_marketdata.storage.flow_ports import FlowChanges

MARKET = Subject.market(VENUE, "BTCUSDT")
PAIR = Subject.pair(Venue.BYBIT_LINEAR, VENUE, "BTCUSDT")
M = 60_000_000_000
EVER = (-(1 << 62), 1 << 62)


def minute(start: int, revision: int = 0, late: int = 0) -> FlowMinute:
    """Return the minute that begins at `start` minutes, with figures of every kind."""
    figures = {
        "wide": 7 << 70,
        "below": -(7 << 70),
        "whole": 1.0,
        "part": 0.1,
        "text": "",
        "flag": True,
        "none": None,
        "ints": [1, -(2**63), 2**64],
        "floats": [1.0, 2.5],
        "empty": [],
    }
    return FlowMinute(
        BTC,
        start * M,
        {"ofi": figures, "vpin": {}},
        book_ms=59_000,
        warming=("vpin",),
        late=late,
        revision=revision,
    )


def signal(
    name: str,
    detected: int,
    *,
    kind: SignalKind = SignalKind.SWEEP,
    revision: int = 0,
    state: SignalState = SignalState.OPEN,
) -> Signal:
    """Return a signal of this name with every field set."""
    return Signal(
        id=name,
        kind=kind,
        instrument=BTC,
        start=detected - 5,
        detected=detected,
        end=None,
        state=state,
        severity=Severity.WARN,
        statistic=4.0,
        threshold=3.5,
        baseline=None,
        detector="sweep",
        version=2,
        evidence=Evidence("2290000000094821034", "x-9", 12),
        side=Side.SELL,
        low=600_000,
        high=600_010,
        size=1 << 40,
        affects=("cvd",),
        detail={"levels": 5, "share": 0.25, "usd": "1000000.10", "rpi": False},
        revision=revision,
    )


def changes(*told: FlowMinute | Signal, checkpoint: bytes = b"x") -> FlowChanges:
    """Return what is stored together."""
    minutes = [one for one in told if isinstance(one, FlowMinute)]
    return FlowChanges(checkpoint, minutes, [one for one in told if isinstance(one, Signal)])
