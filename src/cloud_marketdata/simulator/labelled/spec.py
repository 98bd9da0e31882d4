"""What a labelled market shall be: which kinds are planted, how often, when, and how it is led."""

from random import Random
from typing import Final

import msgspec
from msgspec import Struct

from cloud_marketdata.core.errors import BadRequestError
from cloud_marketdata.domain.signal import SignalKind

MOST_ROUNDS: Final = 1_000


class Spec(Struct, frozen=True, forbid_unknown_fields=True):
    """A plan that repeats with its seed.

    kinds: what is planted; empty for everything that one venue alone can show.
    rounds: how often each size of each kind, 0 for nothing at all.
    warm_s: seconds before the first. pause_s: least quiet seconds after each; up to twice as many
    pass.
    lag_ms: how late this venue hears the news.
    """

    kinds: tuple[SignalKind, ...] = ()
    rounds: int = 1
    warm_s: int = 3_600
    pause_s: int = 20
    lag_ms: int = 0

    def __post_init__(self) -> None:
        if not (0 <= self.rounds <= MOST_ROUNDS and self.pause_s > 0):
            msg = f"rounds must be 0 to {MOST_ROUNDS} and the pause above zero"
            raise ValueError(msg)
        if min(self.warm_s, self.lag_ms) < 0:
            msg = "neither the warm-up nor the lag can be below zero"
            raise ValueError(msg)


def read_spec(text: str) -> Spec:
    """Read `name=value` words such as `kinds=sweep,absorption rounds=3 warm_s=60`.

    Raises BadRequestError with what is wrong.
    """
    words = dict(word.partition("=")[::2] for word in text.split())
    values = {name: value.split(",") if name == "kinds" else value for name, value in words.items()}
    try:
        return msgspec.convert(values, Spec, strict=False)
    except msgspec.ValidationError as error:
        msg = f"a labelled market cannot be {text!r}: {error}"
        raise BadRequestError(msg) from error


def source_of(seed: int, name: str) -> Random:
    """Return the random source of one part, so that another part more leaves it as it was."""
    return Random(f"{seed}/{name}")  # noqa: S311 - a seeded market must repeat
