"""One method per question, over the stores' ports and free of HTTP.

Each answers with a wire model or raises one of `core.errors`; REST and MCP only translate. Answers
are made of saved aggregates and the log behind them, so they are as fresh as the log, and exact.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from msgspec.structs import replace

from cloud_marketdata.api import cursors, paging
from cloud_marketdata.api.away import with_named_tiers
from cloud_marketdata.api.beginnings import Beginnings
from cloud_marketdata.api.candle_pages import CandlePage
from cloud_marketdata.api.candles import Filling, bars_of, candles, flat_filled
from cloud_marketdata.api.completeness import BEHIND, judged, listed, quality_of
from cloud_marketdata.api.composite.queries import CompositeQueries
from cloud_marketdata.api.coverages import (
    CoverageAnswer,
    coverage_data,
    covered_by,
    known_until,
    read_known,
)
from cloud_marketdata.api.cuts import Reading
from cloud_marketdata.api.depths import depth_data, depth_quality, servable
from cloud_marketdata.api.envelope import CandlesMeta
from cloud_marketdata.api.figures import VWAP_ROUNDING, price_text
from cloud_marketdata.api.flow.queries import FlowQueries
from cloud_marketdata.api.kept_profiles import KeptProfiles
from cloud_marketdata.api.known import KnownMarkets
from cloud_marketdata.api.markets import market_data, trade_data
from cloud_marketdata.api.metas import meta_of, meta_of_reading
from cloud_marketdata.api.page_quality import page_quality
from cloud_marketdata.api.profile_ranges import profile_range, range_named
from cloud_marketdata.api.profile_series.queries import ProfileSeriesQueries
from cloud_marketdata.api.profiles import profile_data, profile_method
from cloud_marketdata.api.questions import (
    MOST_TRADES,
    CandlesQuestion,
    CoverageQuestion,
    DepthQuestion,
    ProfileQuestion,
    TradesQuestion,
)
from cloud_marketdata.api.reconciliation.answers import ReconciliationDesk
from cloud_marketdata.api.reconciliation.standing import standing
from cloud_marketdata.api.refusals import rejections_data
from cloud_marketdata.api.resolutions import BOOK, LEDGER, RAW, raw_piece
from cloud_marketdata.api.schemas import (
    CandlesAnswer,
    DepthAnswer,
    MarketsAnswer,
    ProfileAnswer,
    RejectionsAnswer,
    TradesAnswer,
)
from cloud_marketdata.api.signals.queries import NO_DETECTORS, Detectors, SignalDesk
from cloud_marketdata.api.stitching import read_bars, read_rows
from cloud_marketdata.api.tiles import TileReader
from cloud_marketdata.api.times import TimeRange, asked_range
from cloud_marketdata.api.timetrees import TimeTrees
from cloud_marketdata.api.together import Together
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import LimitError
from cloud_marketdata.domain.aggregate import Aggregate, state_hash
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.quality import Quality
from cloud_marketdata.domain.values import NS_PER_MS, Timeframe, Venue
from cloud_marketdata.storage.answers import KeptAnswers
from cloud_marketdata.storage.ports import BookView, Stores

LONGEST: Final = timedelta(days=366)
_SAMPLES: Final = 100


class Queries:
    """Answers questions about the markets whose data lie in `stores`."""

    def __init__(
        self,
        stores: Stores,
        clock: Clock,
        settings: Settings,
        detectors: Detectors = NO_DETECTORS,
    ) -> None:
        self.stores = with_named_tiers(stores)
        self._known = KnownMarkets(self.stores.instruments)
        self._beginnings = Beginnings(self.stores)
        self.answers = KeptAnswers(self.stores.cache)
        self.trees = TimeTrees()
        self.profiles = KeptProfiles()
        self._profile_askers: Together[ProfileAnswer] = Together()
        self.clock = clock
        self.hot_ns = settings.hot_minutes * Timeframe.M1.ns
        self._lateness = settings.lateness_ms * NS_PER_MS
        self._book_levels = settings.book_levels
        self.reconciliation = ReconciliationDesk(self.stores, self._known, clock, self._lateness)
        self.signals = SignalDesk(self.stores.flow, self._known, clock, detectors)
        reading = (self._known, self._reader, self._quality, self._lateness)
        self.profile_series = ProfileSeriesQueries(clock, self._known, self._reader, self._quality)
        self.flow = FlowQueries(self.stores, clock, *reading)
        self.composite = CompositeQueries(self.stores, clock, *reading)

    async def markets(self) -> MarketsAnswer:
        """List the markets that are collected."""
        instruments = await self.stores.instruments.all()
        found = [
            await market_data(self.stores, one, await self._beginnings.find(one.venue, one.symbol))
            for one in instruments
        ]
        newest = max((market.last_trade for market in found if market.last_trade), default=None)
        sources = tuple(dict.fromkeys(market.venue for market in found))
        quality = listed(newest, sources, self.clock.now())
        return MarketsAnswer(data=found, meta=meta_of(quality))

    async def rejections(self) -> RejectionsAnswer:
        """Tell what input was refused, and why."""
        return RejectionsAnswer(data=await rejections_data(self.stores.quarantine, _SAMPLES))

    async def trades(self, question: TradesQuestion) -> TradesAnswer:
        """Return raw trades: from `start` on, or the newest ones without a start."""
        instrument = await self._known.find(question)
        _within(question.limit, MOST_TRADES, "limit")
        identity = f"trades|{question.venue}|{question.symbol}"
        cursor = cursors.decode(question.cursor, identity) if question.cursor else None
        now = self.clock.now()
        place = paging.Place.of(question, cursor, now)
        at = (instrument.venue, instrument.symbol)
        page = await paging.read_page(self.stores.trades, at, place, question.limit)
        following = page.next(identity)
        answered = page.range(now)
        meta = meta_of(
            await page_quality(self.stores, instrument, page, now, now - self.hot_ns),
            resolution=(RAW,),
            pieces=raw_piece(answered),
            answered=answered,
            next_cursor=cursors.encode(following) if following else None,
        )
        return TradesAnswer(data=[trade_data(trade) for trade in page.trades], meta=meta)

    async def volume_profile(self, question: ProfileQuestion) -> ProfileAnswer:
        """Return the volume by price of a range; who asks the same at once is answered at once."""
        # Text, because 70 and 70.0 percent are equal numbers but not written the same.
        asked = question.model_dump_json()
        return await self._profile_askers.of(asked, lambda: self._profile(question))

    async def _profile(self, question: ProfileQuestion) -> ProfileAnswer:
        instrument = await self._known.find(question)
        asked = profile_range(question, self.clock.now(), LONGEST)
        reading = await read_rows(self._reader(instrument), asked, exact=question.exact)
        profile = self.profiles.of(
            reading,
            (instrument, question.row_ticks, question.va_method, str(question.va_pct)),
            lambda: profile_data(instrument, reading.parts, question),
        )
        quality = await self._quality(instrument, reading)
        method = profile_method(profile) | range_named(question, asked)
        meta = meta_of_reading(quality, reading, method)
        return ProfileAnswer(data=profile, meta=meta)

    async def candles(self, question: CandlesQuestion) -> CandlesAnswer:
        """Return the bars whose time overlaps a range, in pages."""
        instrument = await self._known.find(question)
        now = self.clock.now()
        page, reading = await read_bars(self._reader(instrument), question, now)
        bars = bars_of(reading, page.timeframe, self._lateness)
        data = candles(bars)
        if question.fill == "flat":
            data = flat_filled(data, self._filling(page, reading, instrument, bars))
        reading = page.answered(reading)
        following = page.next(reading.range)
        meta = meta_of_reading(
            await self._quality(instrument, reading),
            reading,
            {"timeframe": page.timeframe, "fill": question.fill, "vwap": VWAP_ROUNDING},
            next_cursor=cursors.encode(following) if following else None,
            closed=page.ends,
        )
        hashed = state_hash(reading.parts) if question.state_hash else None
        return CandlesAnswer(data=data, meta=CandlesMeta(**dict(meta), state_hash=hashed))

    async def depth(self, question: DepthQuestion) -> DepthAnswer:
        """Return the top of the live book; raises NotReadyError where it may not be believed."""
        view = await self._view(question)
        _within(question.levels, self._book_levels, "levels")
        now = self.clock.now()
        view = servable(view, f"{question.venue}/{question.symbol}", now)
        meta = meta_of(depth_quality(view, now), resolution=(BOOK,))
        return DepthAnswer(data=depth_data(view, question.levels), meta=meta)

    async def coverage(self, question: CoverageQuestion) -> CoverageAnswer:
        """Return what is known of the completeness of a stream."""
        instrument = await self._known.find(question)
        covered = covered_by(question)
        now = self.clock.now()
        asked = asked_range(question.start, question.end, now, longest=LONGEST)
        known, caught_up = await read_known(self.stores, instrument, asked, covered)
        data = coverage_data(instrument, known, asked, covered, ids_after=question.ids_after)
        until = known_until(known, asked)
        quality = judged(instrument.venue, asked, known, until, now, covered)
        if not caught_up:
            quality = replace(quality, reasons=(*quality.reasons, BEHIND))
        meta = meta_of(quality, resolution=(LEDGER,), answered=asked)
        return CoverageAnswer(data=data, meta=meta)

    async def _view(self, question: DepthQuestion) -> BookView | None:
        """Return the book of a market; one that is there needs no other tier to be known."""
        if question.venue in set(Venue):
            view = await self.stores.books.find(Venue(question.venue), question.symbol)
            if view is not None:
                return view
        await self._known.find(question)
        return None

    def _reader(self, instrument: Instrument) -> TileReader:
        return TileReader(self.stores, instrument, self.answers, self.trees)

    async def _quality(self, instrument: Instrument, reading: Reading) -> Quality:
        now = self.clock.now()
        market = (instrument.venue, instrument.symbol)
        verdict = await standing(self.stores, market, reading.range, now - self._lateness)
        return replace(quality_of(instrument, reading, now), reconciled=verdict.value)

    def _filling(
        self, page: CandlePage, reading: Reading, instrument: Instrument, bars: Sequence[Aggregate]
    ) -> Filling:
        before = reading.before
        close = price_text(before.scale, before.bar.close) if before and before.bar else None
        known = page.timeframe.floor(reading.newest) + page.timeframe.ns
        first = min([page.begin, *(bar.start for bar in bars[:1])])
        span = TimeRange(first, min(page.read.end, known))
        return Filling(instrument, page.timeframe, span, close, reading.newest - self._lateness)


def _within(given: int, most: int, name: str) -> None:
    if not 1 <= given <= most:
        msg = f"{name} must be 1 to {most}"
        raise LimitError(msg)
