"""A profile that grows bar by bar, as it leaves the service.

Each step costs one value area of all rows so far, so rows times bars are bounded.
"""

from collections.abc import Sequence
from typing import Final

from cloud_marketdata.api.candle_pages import asked_bars
from cloud_marketdata.api.cuts import Reading
from cloud_marketdata.api.figures import price_text
from cloud_marketdata.api.flow.footprints import bars_with_rows, on_one_grid
from cloud_marketdata.api.flow.questions import FOOTPRINT_FRAMES
from cloud_marketdata.api.flow.stitched import read_bars_with_rows
from cloud_marketdata.api.profile_series.questions import DevelopingQuestion
from cloud_marketdata.api.profile_series.schemas import Developing, DevelopingStep, PriceRow
from cloud_marketdata.api.profiles import row_ticks_of
from cloud_marketdata.api.tiles import TileReader
from cloud_marketdata.api.units import units_of
from cloud_marketdata.core.errors import BadRequestError, LimitError
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.profile import VolumeProfile, merge
from cloud_marketdata.domain.values import NS_PER_MS, Timeframe, plain
from cloud_marketdata.processing.metrics.developing import Step, developing

MOST_STEPS: Final = 2_000
MOST_CELLS: Final = 2_000_000


async def read_growth(reader: TileReader, question: DevelopingQuestion, now: int) -> Reading:
    """Read the bars of a range with their rows.

    Raises BadRequestError, LimitError, BadTimeError or ResolutionGoneError.
    """
    bars = question.bars()
    asked = asked_bars(bars, now)
    step = Timeframe(question.step)
    if step not in FOOTPRINT_FRAMES:
        msg = f"step must be one of {', '.join(FOOTPRINT_FRAMES)}; seconds have no rows"
        raise BadRequestError(msg)
    if asked.end - asked.start > MOST_STEPS * step.ns:
        msg = f"the range holds more than {MOST_STEPS} steps of {step}; ask for longer ones"
        raise LimitError(msg)
    return await read_bars_with_rows(reader, bars, asked)


def developing_data(
    instrument: Instrument, parts: Sequence[Aggregate], question: DevelopingQuestion
) -> Developing:
    """Describe the steps; raises BadRequestError on an unknown method and LimitError."""
    bars = on_one_grid(instrument, bars_with_rows(parts, Timeframe(question.step)))
    scale = bars[0].scale if bars else instrument.scale
    whole = merge([VolumeProfile(scale), *(bar.profile for bar in bars)])
    width = row_ticks_of(whole, question.row_ticks)
    rows = len(whole.coarsened(width))
    if rows * len(bars) > MOST_CELLS:
        msg = f"{rows} rows in {len(bars)} steps are too many; ask for wider rows or longer steps"
        raise LimitError(msg)
    grown = ((bar.end, bar.profile.coarsened(width).totals()) for bar in bars)
    try:
        steps = developing(grown, method=question.va_method, pct=question.va_pct)
    except ValueError as error:
        raise BadRequestError(str(error)) from None
    return Developing(
        venue=instrument.venue.value,
        symbol=instrument.symbol,
        quote_unit=units_of(instrument.symbol).quote,
        tick=plain(scale.tick),
        row_ticks=width,
        row_size=price_text(scale, width),
        step=question.step,
        steps=[_step(scale, width, one) for one in steps],
    )


def _step(scale: Scale, width: int, step: Step) -> DevelopingStep:
    def low(row: int) -> str:
        return price_text(scale, row * width)

    def high(row: int) -> str:
        return price_text(scale, row * width + width - 1)

    return DevelopingStep(
        time=step.time // NS_PER_MS,
        poc=PriceRow(low=low(step.poc), high=high(step.poc)),
        val=low(step.val),
        vah=high(step.vah),
    )
