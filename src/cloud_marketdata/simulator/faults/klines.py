"""Faults of klines: a venue tells one figure of a minute wrong, whoever asks and as often."""

from collections.abc import Sequence
from decimal import Decimal

from msgspec.structs import replace

from cloud_marketdata.simulator.faults.striker import Scene, Striker
from cloud_marketdata.simulator.faults.trigger import Trigger
from cloud_marketdata.simulator.minutes import MinuteBar


class Falsify(Striker):
    """A field of some minutes is one unit of its last place too high; each is an occasion once.

    A field that the venue does not tell cannot be told wrong.
    """

    def __init__(self, trigger: Trigger, scene: Scene) -> None:
        super().__init__(trigger, scene)
        self._chosen: dict[tuple[str, int], bool] = {}

    def told(self, symbol: str, bars: Sequence[MinuteBar]) -> list[MinuteBar]:
        """Return the minutes as they are told."""
        if self.fault.symbol not in ("", symbol):
            return list(bars)
        return [self._falsified(bar) if self._strikes(symbol, bar) else bar for bar in bars]

    def _strikes(self, symbol: str, bar: MinuteBar) -> bool:
        minute = (symbol, bar.start)
        if minute not in self._chosen:
            self._chosen[minute] = self.trigger.strikes(self.scene.clock.monotonic())
        return self._chosen[minute]

    def _falsified(self, bar: MinuteBar) -> MinuteBar:
        name = self.fault.field
        value = Decimal(getattr(bar, name))
        wrong = value + Decimal((0, (1,), int(value.as_tuple().exponent)))
        return replace(bar, **{name: int(wrong) if name == "count" else wrong})
