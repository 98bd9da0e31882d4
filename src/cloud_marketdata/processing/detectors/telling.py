"""A signal that is told again and again while it lives, until it is over."""

from msgspec.structs import replace

from cloud_marketdata.domain.signal import Signal


def retold(signal: Signal, **changes: object) -> Signal:
    """Return the next telling of a signal, with these fields changed."""
    return replace(signal, revision=signal.revision + 1, **changes)
