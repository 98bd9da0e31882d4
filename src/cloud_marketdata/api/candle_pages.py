"""Where a page of candles begins and ends.

A page reads at most `limit` buckets of time, whether something traded in them or not, so its cost
is bounded; time before the oldest kept bucket is skipped in one step.
"""

from msgspec import Struct
from msgspec.structs import replace

from cloud_marketdata.api.candles import CANDLE_FRAMES
from cloud_marketdata.api.cursors import Cursor, decode
from cloud_marketdata.api.cuts import Reading
from cloud_marketdata.api.horizons import Horizons
from cloud_marketdata.api.questions import FILLS, MOST_CANDLES, CandlesQuestion
from cloud_marketdata.api.resolutions import ResolutionGoneError
from cloud_marketdata.api.times import TimeRange, asked_range, iso
from cloud_marketdata.core.errors import BadRequestError, LimitError
from cloud_marketdata.domain.values import Timeframe


class CandlePage(Struct, frozen=True):
    """A page: `asked` is what is left of the range, `read` the whole buckets to read now.

    begin: from where the buckets of the page are counted; before it nothing is saved, but a trade
    that comes very late may just have been logged.
    """

    question: CandlesQuestion
    timeframe: Timeframe
    asked: TimeRange
    read: TimeRange
    begin: int

    @classmethod
    def of(cls, question: CandlesQuestion, asked: TimeRange, oldest: int | None) -> "CandlePage":
        """Return the first page of a range; raises LimitError."""
        timeframe = Timeframe(question.timeframe)
        begin = max(asked.start, timeframe.floor(oldest or 0))
        end = min(asked.end, begin + question.limit * timeframe.ns)
        if question.state_hash and end < asked.end:
            msg = f"a state hash covers one page; ask for at most {question.limit} minutes"
            raise LimitError(msg)
        return cls(question, timeframe, asked, TimeRange(asked.start, end), begin)

    @property
    def ends(self) -> bool:
        """Whether the same question will always end its range where it does now."""
        return self.question.end is not None or self.question.cursor is not None

    def answered(self, reading: Reading) -> Reading:
        """Return the reading with the range that this page settles.

        It begins where the range was asked to begin, and where nothing is known beyond the page it
        ends where the range ends. A reading of settled time has not looked for the newest trades.
        """
        nothing = reading.live and reading.caught_up and reading.newest < self.read.end
        end = self.asked.end if nothing else self.read.end
        last = [piece._replace(end=end) for piece in reading.pieces[-1:]]
        return replace(
            reading,
            range=TimeRange(self.asked.start, end),
            pieces=(*reading.pieces[:-1], *last),
        )

    def next(self, answered: TimeRange) -> Cursor | None:
        """Return where the next page begins, or None after the last one."""
        if answered.end >= self.asked.end:
            return None
        return Cursor(_identity(self.question), self.asked.end, answered.end, 0)


def asked_bars(question: CandlesQuestion, now: int) -> TimeRange:
    """Return the time of the bars that are asked for, from a cursor or the question's times.

    Raises BadRequestError, LimitError, BadTimeError or BadCursorError.
    """
    timeframe = _checked(question)
    if question.cursor is None:
        return asked_range(question.start, question.end, now).widened(timeframe)
    cursor = decode(question.cursor, _identity(question))
    return TimeRange(cursor.time, max(cursor.time, cursor.end or now))


def kept_bars(question: CandlesQuestion, asked: TimeRange, horizons: Horizons) -> TimeRange:
    """Return the part of a range whose bars can still be made.

    Raises ResolutionGoneError where none can, or where `exact` is wanted and some are gone.
    """
    timeframe = Timeframe(question.timeframe)
    since = horizons.available(timeframe, CANDLE_FRAMES[timeframe])
    if asked.start >= since:
        return asked
    if question.exact or asked.end <= since:
        msg = f"{gone_bars(timeframe, since)}; {_finest_words(asked, horizons)}"
        raise ResolutionGoneError(msg)
    return TimeRange(since, asked.end)


def gone_bars(timeframe: Timeframe, since: int) -> str:
    """Say which bars are gone."""
    return f"bars of {timeframe} before {iso(since)} are no longer kept"


def _finest_words(asked: TimeRange, horizons: Horizons) -> str:
    there = (
        frame
        for frame, made_of in CANDLE_FRAMES.items()
        if horizons.available(frame, made_of) <= frame.floor(asked.start)
    )
    return f"the finest of that time are those of {next(there)}"


def _checked(question: CandlesQuestion) -> Timeframe:
    timeframe = timeframe_of(question.timeframe)
    if not 1 <= question.limit <= MOST_CANDLES:
        msg = f"limit must be 1 to {MOST_CANDLES}"
        raise LimitError(msg)
    if question.fill not in FILLS:
        msg = f"fill must be one of {', '.join(FILLS)}"
        raise BadRequestError(msg)
    if question.state_hash and timeframe is not Timeframe.M1:
        msg = "a state hash is taken over bars of 1m"
        raise BadRequestError(msg)
    return timeframe


def timeframe_of(text: str) -> Timeframe:
    """Return the timeframe of a name; raises BadRequestError."""
    try:
        return Timeframe(text)
    except ValueError:
        msg = f"timeframe must be one of {', '.join(Timeframe)}"
        raise BadRequestError(msg) from None


def _identity(question: CandlesQuestion) -> str:
    return f"{question.noun}|{question.venue}|{question.symbol}|{question.timeframe}"
