"""The wire models of profiles in the course of time; prices are strings, times epoch ms."""

from pydantic import Field

from cloud_marketdata.api.envelope import DecimalText, Meta, RangeOut, Wire
from cloud_marketdata.api.schemas import PointOfControl


class PriceRow(Wire):
    """A row: lowest and highest price inside."""

    low: DecimalText
    high: DecimalText


class DevelopingStep(Wire):
    """From `time` on, the end of a bar, the profile so far said this."""

    time: int
    poc: PriceRow
    val: DecimalText
    vah: DecimalText


class Developing(Wire):
    """The steps at which something changed, ascending; the last one is the whole profile's."""

    venue: str
    symbol: str
    quote_unit: str
    tick: DecimalText
    row_ticks: int
    row_size: DecimalText
    step: str
    steps: list[DevelopingStep]


class NakedControl(Wire):
    """The point of control of a closed session."""

    day: str = Field(description="The day by which the session is called, UTC")
    start: int
    end: int
    poc: PointOfControl
    naked: bool
    filled_at: RangeOut | None = Field(description="The finest kept bar that filled it")
    age: int = Field(description="Sessions closed since; 0 for the newest")


class Naked(Wire):
    """Points of control of closed sessions with trades, ascending."""

    venue: str
    symbol: str
    unit: str
    quote_unit: str
    tick: DecimalText
    row_ticks: int
    row_size: DecimalText
    session: str
    controls: list[NakedControl]


class DevelopingAnswer(Wire):
    """Answer of …/volume-profile/developing."""

    data: Developing
    meta: Meta


class NakedAnswer(Wire):
    """Answer of …/volume-profile/naked."""

    data: Naked
    meta: Meta
