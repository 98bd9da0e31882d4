"""What a minute of the day usually is: the median of the last seven days at that minute.

Markets have hours. A value is compared with its minute's own median once that minute was seen on
seven days; before that there is no season and everything is compared with the hour alone.
"""

from statistics import median_low
from typing import Final

from msgspec import Struct, field

from cloud_marketdata.domain.values import NS_PER_S

DAYS: Final = 7
_MINUTE: Final = 60 * NS_PER_S
_MINUTES_A_DAY: Final = 1_440


class Season(Struct):
    """Whole numbers by minute of day, of the last seven days, and those of the running minute."""

    days: dict[int, list[int]] = field(default_factory=dict)
    minute: int = -1
    running: list[int] = field(default_factory=list)
    level: int | None = None

    def usual(self, time: int) -> int | None:
        """Return the median of the minute of day of `time` ns over seven days, None before."""
        minute = time // _MINUTE
        if minute != self.minute:
            self._turn(minute)
        return self.level

    def add(self, time: int, value: int) -> None:
        """Take the value of a second; times ascend."""
        minute = time // _MINUTE
        if minute != self.minute:
            self._turn(minute)
        self.running.append(value)

    def _turn(self, minute: int) -> None:
        """Put the median of the minute that is over beside those of the days before."""
        if self.running:
            days = self.days.setdefault(self.minute % _MINUTES_A_DAY, [])
            days.append(median_low(self.running))
            del days[:-DAYS]
        self.minute, self.running = minute, []
        known = self.days.get(minute % _MINUTES_A_DAY, [])
        self.level = median_low(known) if len(known) == DAYS else None
