"""How far apart the two mids are: one look every 100 ms of our clock, while both are fresh.

x = ln(mid of the first / mid of the second), told in basis points. A look at which one of them is
older than half a second is no look.
"""

from msgspec import Struct

from cloud_marketdata.domain.flow import Reading

LOOK_MS = 100
_BP = 1e4


class Basis(Struct):
    """The looks of the running minute: how many, their sum, lowest, highest and last."""

    looks: int = 0
    total: float = 0.0
    low: float = 0.0
    high: float = 0.0
    last: float = 0.0

    def add(self, x: float) -> None:
        """Take one look."""
        self.low = min(self.low, x) if self.looks else x
        self.high = max(self.high, x) if self.looks else x
        self.total += x
        self.last = x
        self.looks += 1

    def reading(self) -> Reading:
        """Return the figures of the minute in basis points, None where nothing was seen."""
        if not self.looks:
            return {"looks": 0, "mean_bp": None, "low_bp": None, "high_bp": None, "last_bp": None}
        return {
            "looks": self.looks,
            "mean_bp": self.total / self.looks * _BP,
            "low_bp": self.low * _BP,
            "high_bp": self.high * _BP,
            "last_bp": self.last * _BP,
        }
