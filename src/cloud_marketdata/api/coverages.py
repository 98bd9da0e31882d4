"""The coverage ledger of a range as it leaves the service: pieces without overlap, and totals."""

from collections.abc import Sequence
from typing import Final, Literal

from pydantic import Field

from cloud_marketdata.api.completeness import missing_trades, repaired_trades, share
from cloud_marketdata.api.envelope import Meta, Wire
from cloud_marketdata.api.horizons import read_horizons
from cloud_marketdata.api.missing_ids import MOST_ID_RANGES, IdRange, missing_ids
from cloud_marketdata.api.questions import CoverageQuestion
from cloud_marketdata.api.tail import read_tail, remember
from cloud_marketdata.api.times import TimeRange
from cloud_marketdata.core.errors import BadRequestError, LimitError
from cloud_marketdata.domain.coverage import CoverageState, Covered, Interval, partition
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.ledger import Ledger
from cloud_marketdata.domain.values import NS_PER_MS
from cloud_marketdata.storage.coverage import saved_ledger
from cloud_marketdata.storage.ports import Stores, Stream, StreamKind

MOST_PIECES: Final = 10_000


class CoveragePiece(Wire):
    """What is known of [start, end); ids and `trades` are those of the whole run, gap or repair."""

    start: int
    end: int
    state: Literal["complete", "repaired", "unbroken", "unknown", "missing"]
    low_id: int | None = Field(description="First trade id it is about, where ids prove it")
    high_id: int | None = Field(description="Last trade id it is about")
    trades: int | None = Field(description="How many are missing, or were and have been filled")
    reason: str
    found_at: int | None = Field(description="When the loss was found")
    settled_at: int | None = Field(description="When it was filled")


class CoverageShares(Wire):
    """The share of the range in each state, each rounded down to six decimals."""

    complete: float
    repaired: float
    unbroken: float
    unknown: float
    missing: float


class Coverage(Wire):
    """What is known of a stream: intervals ascend, touch each other and fill the range."""

    venue: str
    symbol: str
    stream: Literal["trades", "book"]
    shares: CoverageShares
    missing_trades: int = Field(
        description="Trades proven missing in the gaps that touch the range"
    )
    repaired_trades: int = Field(description="Trades that were missing and have been filled")
    missing_ids: list[IdRange] = Field(
        description=f"[first, last] id of each proven gap, ascending, at most {MOST_ID_RANGES}"
    )
    missing_ids_left: int = Field(
        description="Gaps behind the last one listed: ask again with ids_after"
    )
    intervals: list[CoveragePiece]


class CoverageAnswer(Wire):
    """Answer of …/coverage."""

    data: Coverage
    meta: Meta


async def read_known(
    stores: Stores, instrument: Instrument, asked: TimeRange, covered: Covered
) -> tuple[list[Interval], bool]:
    """Return what is known of a range, and whether every logged trade is inside."""
    venue, symbol = instrument.venue, instrument.symbol
    late = (await read_horizons(stores.aggregates, (venue, symbol))).late
    if asked.end <= late:
        # No trade is folded there any more, and what was told of it has been saved long ago.
        kept = await stores.coverage.find(venue, symbol, *asked, covered)
        ledger, caught_up = Ledger(venue, symbol, kept), True
    else:
        ledger = await saved_ledger(stores, venue, symbol, *asked, covered)
        caught_up = covered is not Covered.TRADES or await _follow(stores, ledger, late)
    return [one for one in ledger.intervals(covered) if one.overlaps(*asked)], caught_up


async def _follow(stores: Stores, ledger: Ledger, late: int) -> bool:
    """Fold the log's young trades into a ledger; return whether that was all of them."""
    stream = Stream(ledger.venue, ledger.symbol, StreamKind.TRADES)
    trades, caught_up = await read_tail(stores.log, stream, ledger.trades_at, since=late)
    remember(ledger, trades)
    return caught_up


def covered_by(question: CoverageQuestion) -> Covered:
    """Return the stream that is asked for; raises BadRequestError."""
    try:
        return Covered(question.stream)
    except ValueError:
        msg = f"stream must be one of {', '.join(Covered)}"
        raise BadRequestError(msg) from None


def coverage_data(
    instrument: Instrument,
    known: Sequence[Interval],
    asked: TimeRange,
    covered: Covered,
    *,
    ids_after: int | None = None,
) -> Coverage:
    """Cut a range by what is known; raises LimitError on more pieces than one answer may hold."""
    gone = missing_ids(known, asked, ids_after)
    pieces = partition(known, *asked)
    if len(pieces) > MOST_PIECES:
        msg = f"{len(pieces)} intervals are more than {MOST_PIECES}; ask for a shorter range"
        raise LimitError(msg)
    shares = {state.value: share(pieces, asked, (state,)) for state in CoverageState}
    return Coverage(
        venue=instrument.venue.value,
        symbol=instrument.symbol,
        stream=covered.value,
        shares=CoverageShares(**shares),
        missing_trades=missing_trades(known, asked),
        repaired_trades=repaired_trades(known, asked),
        missing_ids=gone.ranges,
        missing_ids_left=gone.left,
        # What is shorter than a millisecond would be an interval without length.
        intervals=[piece for piece in map(_piece, pieces) if piece.start < piece.end],
    )


def known_until(known: Sequence[Interval], asked: TimeRange) -> int | None:
    """Return the newest instant of a range of which something good is known."""
    bad = (CoverageState.MISSING, CoverageState.UNKNOWN)
    ends = [min(one.end, asked.end) for one in known if one.state not in bad]
    return max(ends, default=None)


def _piece(piece: Interval) -> CoveragePiece:
    return CoveragePiece(
        start=piece.start // NS_PER_MS,
        end=piece.end // NS_PER_MS,
        state=piece.state.value,
        low_id=piece.low,
        high_id=piece.high,
        trades=piece.trades,
        reason=piece.reason,
        found_at=_ms(piece.found_at),
        settled_at=_ms(piece.settled_at),
    )


def _ms(time: int | None) -> int | None:
    return None if time is None else time // NS_PER_MS
