"""Faults of REST: requests that are refused or never answered, and rows that are not known yet."""

from typing import TypeVar

from msgspec import Struct

from cloud_marketdata.simulator.faults.striker import Striker
from cloud_marketdata.simulator.faults.trigger import MS
from cloud_marketdata.simulator.tape import Tape

Row = TypeVar("Row")


class Refusal(Struct, frozen=True):
    """How a request is refused: HTTP status (0: never answered), and seconds to wait, if told."""

    status: int
    retry_after: int | None = None


class Rest(Striker):
    """Requests get a refusal instead of their answer."""

    def refusal(self, path: str) -> Refusal | None:
        """Return how a request is refused, or None where it is not struck."""
        if self.fault.path and not path.endswith(f"/{self.fault.path}"):
            return None
        if not self.trigger.strikes(self.scene.clock.monotonic()):
            return None
        status = 0 if self.fault.target == "timeout" else int(self.fault.target)
        return Refusal(status, self.fault.retry_after or None)


class Lag(Striker):
    """The database behind REST does not know the newest rows."""

    def behind(self, tape: Tape[Row]) -> Tape[Row]:
        """Return what is known of a tape; a strike is a question of which rows were kept back."""
        now = self.scene.clock.monotonic()
        if not self.trigger.open(now):
            return tape
        known = tape.as_of(now - self.fault.ms * MS)
        if len(known) < len(tape):
            self.trigger.strikes(now)
        return known


class WeightLimit(Striker):
    """Requests beyond a budget are refused."""

    def enforced(self) -> bool:
        """Whether the budget holds now."""
        return self.trigger.open(self.scene.clock.monotonic())

    def refuse(self) -> None:
        """Count a request that was refused for it."""
        self.trigger.strikes(self.scene.clock.monotonic())
