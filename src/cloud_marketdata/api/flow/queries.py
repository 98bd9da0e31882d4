"""One method per question about order flow, over the stores' ports and free of HTTP.

Bars come from what candles come from, so they are as fresh as the log and their sums are the
candles' own. What folds measured comes from told minutes, which the newest minute never is.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from msgspec.structs import replace

from cloud_marketdata.api import cursors
from cloud_marketdata.api.candles import bars_of
from cloud_marketdata.api.cuts import Reading
from cloud_marketdata.api.flow.activity import activity_data, activity_method, anchor_of, kind_of
from cloud_marketdata.api.flow.bars import cvd_data, flow_bar, flow_data
from cloud_marketdata.api.flow.footprints import footprint_bars, footprint_data
from cloud_marketdata.api.flow.methods import footprint_method, order_flow_method
from cloud_marketdata.api.flow.order_flow import Asked, read_flow, read_minutes
from cloud_marketdata.api.flow.questions import (
    ActivityBarsQuestion,
    FootprintQuestion,
    OrderFlowQuestion,
)
from cloud_marketdata.api.flow.rawtape import read_tape
from cloud_marketdata.api.flow.readings import told_by_bar
from cloud_marketdata.api.flow.resets import reset_of
from cloud_marketdata.api.flow.schemas import (
    ActivityBarsAnswer,
    FootprintAnswer,
    OrderFlowAnswer,
)
from cloud_marketdata.api.flow.stitched import read_footprints, read_minutes_of
from cloud_marketdata.api.known import KnownMarkets
from cloud_marketdata.api.metas import meta_of, meta_of_reading
from cloud_marketdata.api.resolutions import RAW, raw_piece
from cloud_marketdata.api.stitching import read_bars
from cloud_marketdata.api.tiles import TileReader
from cloud_marketdata.api.times import TimeRange, asked_range
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.quality import Quality
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.storage.ports import Stores

LONGEST_TAPE: Final = timedelta(days=2)


class FlowQueries:
    """Answers questions about the order flow of the markets whose data lie in `stores`.

    known, reader, quality: how questions find their market, read its tape and judge what they read.
    """

    def __init__(
        self,
        stores: Stores,
        clock: Clock,
        known: KnownMarkets,
        reader: Callable[[Instrument], TileReader],
        quality: Callable[[Instrument, Reading], Awaitable[Quality]],
        lateness: int,
    ) -> None:
        self._stores = stores
        self._clock = clock
        self._known = known
        self._reader = reader
        self._quality = quality
        self._lateness = lateness

    async def order_flow(self, question: OrderFlowQuestion) -> OrderFlowAnswer:
        """Return delta, CVD and measures of the bars whose time overlaps a range, in pages."""
        instrument = await self._known.find(question)
        now = self._clock.now()
        reader = self._reader(instrument)
        page, reading = await read_bars(reader, question.bars(), now)
        reset = reset_of(question, page.timeframe)
        bars = bars_of(reading, page.timeframe, self._lateness)
        asked = Asked(instrument, page.timeframe, page.read, bars, reset, self._lateness)
        flow = await read_flow(reader, self._stores, asked, now)
        minutes, notes = await read_minutes(self._stores, asked)
        told = told_by_bar([line.part for line in flow.lines], minutes, page.timeframe)
        made = [
            flow_bar(line, one, measured=question.measures)
            for line, one in zip(flow.lines, told, strict=True)
        ]
        reading = page.answered(reading)
        reading = replace(reading, notes=(*reading.notes, *flow.notes, *notes))
        following = page.next(reading.range)
        meta = meta_of_reading(
            await self._quality(instrument, reading),
            reading,
            order_flow_method(question, reset, made),
            next_cursor=cursors.encode(following) if following else None,
            closed=False,
        )
        cvd = cvd_data(reset.policy, flow.lines, flow.known)
        data = flow_data(instrument, page.timeframe, flow.lines, made, cvd)
        return OrderFlowAnswer(data=data, meta=meta)

    async def footprint(self, question: FootprintQuestion) -> FootprintAnswer:
        """Return the bars whose time overlaps a range by price row."""
        instrument = await self._known.find(question)
        now = self._clock.now()
        reading = await read_footprints(self._reader(instrument), question, now)
        bars = footprint_bars(reading, Timeframe(question.timeframe), self._lateness)
        data = footprint_data(instrument, bars, question)
        quality = await self._quality(instrument, reading)
        meta = meta_of_reading(quality, reading, footprint_method(question, data.row_ticks))
        return FootprintAnswer(data=data, meta=meta)

    async def activity_bars(self, question: ActivityBarsQuestion) -> ActivityBarsAnswer:
        """Return the bars of equal activity that reach into a range."""
        instrument = await self._known.find(question)
        now = self._clock.now()
        asked = asked_range(question.start, question.end, now, longest=LONGEST_TAPE)
        kind_of(question)
        since = anchor_of(question).floor(asked.start)
        whole = TimeRange(since, asked.end).widened(Timeframe.M1)
        reading = await read_minutes_of(self._reader(instrument), whole)
        trades = await read_tape(self._stores.trades, instrument, whole, reading.parts)
        # Making bars of an hour's trades takes a while, in which others want their answers too.
        data = await asyncio.to_thread(activity_data, instrument, trades, question, asked)
        meta = meta_of(
            await self._quality(instrument, reading),
            method=activity_method(question, since),
            resolution=(RAW,),
            pieces=raw_piece(asked),
            answered=asked,
        )
        return ActivityBarsAnswer(data=data, meta=meta)
