"""Points of control of closed sessions that no later trade has come back to.

Two rules are offered by name. `touch`: the first trade in the row, or two successive trades on
opposite sides of it. `close_beyond`: the first bar that closes on the other side than the price
was. A bar whose range spans the row has touched it, because whoever trades above and below must
cross; so bars are enough, and the time of filling is known as finely as they are.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

RULES: Final = ("touch", "close_beyond")
LOOK_BACK: Final = 30


class Control(NamedTuple):
    """The point of control of a closed session, and the row of the session's last trade."""

    row: int
    close: int


class PassingBar(NamedTuple):
    """A bar after the session, its prices as rows; `start` and `end` in ns."""

    start: int
    end: int
    low: int
    high: int
    close: int


def filled_by(
    control: Control, bars: Iterable[PassingBar], rule: str = "touch"
) -> PassingBar | None:
    """Return the bar that filled a point of control, or None while it is naked.

    bars: all that traded after the session, ascending. Raises ValueError on an unknown rule.
    """
    if rule not in RULES:
        msg = f"no rule is named {rule[:40]!r}"
        raise ValueError(msg)
    row, at = control
    for bar in bars:
        # From the trade before into the bar the price may jump over the row.
        crossed = (at - row) * (bar.close - row) < 0
        if crossed or (rule == "touch" and bar.low <= row <= bar.high):
            return bar
        if rule == "touch" or bar.close != row:
            at = bar.close
    return None
