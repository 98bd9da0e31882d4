"""Kyle's lambda: how far the mid moves per signed quote volume (definitions 2.6).

It is the slope of the mid's change over one second on the taker buys less taker sells of that
second, in bp per million of quote currency, by least squares. Seconds without a believed book at
both ends are left out, seconds without a trade are not: then nothing was bought and little moved.
The line is that of the bar or of the last 30 minutes, whichever has more seconds.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from msgspec import Struct, convert, field

from cloud_marketdata.domain.flow import Reading
from cloud_marketdata.domain.instrument import Scale
from cloud_marketdata.processing.flow.moments import Fold, Scene, Second, Told
from cloud_marketdata.processing.metrics.linear_fit import Fit, joined
from cloud_marketdata.processing.metrics.measures import Figure

MINUTES: Final = 30
LEAST_SECONDS: Final = 60
_MILLION_BP: Final = 10_000 * 1_000_000


class Lines(Struct, frozen=True):
    """A reading: the sums of the minutes and of the last half hour, and twice the mid in ticks."""

    sums: str
    window: str
    twice_mid: int


class KyleLambda(Fold):
    """The running minute's line, and the sums of the last half hour by minute, newest last.

    x is ticks x lots, y is the change of twice the mid in ticks. Sums are kept as text, because
    squares of amounts outgrow the 64 bits of a stored number.
    """

    name: ClassVar[str] = "kyle_lambda"

    minutes: list[tuple[int, str]] = field(default_factory=list)
    running: str = ""
    twice_mid: int = 0

    def on_second(self, scene: Scene, second: Second) -> Told:
        """Add the second to the line."""
        del scene
        before, after = second.quote_before, second.quote_after
        if before is not None and after is not None:
            self.twice_mid = after.twice_mid
            moved = self.twice_mid - before.twice_mid
            fit = _read(self.running).observed(second.buy_quote - second.sell_quote, moved)
            self.running = _text(fit)
        return ()

    def on_minute(self, scene: Scene, start: int) -> Told:
        """Let go of what is older than half an hour."""
        del scene
        minute = start // 60_000_000_000
        self.minutes = [kept for kept in self.minutes if kept[0] > minute - MINUTES]
        if self.running:
            self.minutes.append((minute, self.running))
        return ()

    def reading(self, scene: Scene) -> Reading | None:
        """Return the sums of the minute and of the last half hour; None where both are empty."""
        del scene
        minute, self.running = self.running, ""
        if not self.minutes:
            return None
        window = joined([_read(text) for _, text in self.minutes])
        return {"sums": minute, "window": _text(window), "twice_mid": self.twice_mid}

    @property
    def warming(self) -> bool:
        """Whether there are fewer than sixty seconds to draw a line through."""
        return sum(_read(text).pairs for _, text in self.minutes) < LEAST_SECONDS


def merged(readings: Sequence[Reading]) -> Reading:
    """Add up the minutes; the half hour and the mid are those at the end."""
    total = joined([_read(convert(reading, Lines).sums) for reading in readings])
    return readings[-1] | {"sums": _text(total) if total.pairs else ""}


def described(reading: Reading, scale: Scale) -> Mapping[str, Figure]:
    """Write the slope, the share of the mid's variance that it explains, and its seconds.

    The mid at the end makes ticks into bp. No slope is told from fewer than 60 seconds.
    """
    lines = convert(reading, Lines)
    fit = max(_read(lines.window), _read(lines.sums), key=lambda line: line.pairs)
    slope = fit.slope if fit.pairs >= LEAST_SECONDS else None
    if slope is not None:
        # Ticks of twice the mid over twice the mid are a share; ticks x lots are quote currency.
        slope *= _MILLION_BP / (lines.twice_mid * float(scale.quote(1)))
    return {
        "kyle_lambda_bp_per_million": slope,
        "kyle_r_squared": fit.r_squared if slope is not None else None,
        "kyle_seconds": fit.pairs,
    }


def _text(fit: Fit) -> str:
    return " ".join(map(str, fit))


def _read(text: str) -> Fit:
    return Fit(*map(int, text.split()))
