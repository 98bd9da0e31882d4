"""Where the tape is played: holds the scene, tells the folds, and keeps what they say.

Pure. The order within one moment: trades, book, facts, and then the arrivals of log entries. What
comes late against another stream is told at the present moment. A second is told when it is over,
and its minute after its last second. Before the first trade or change of a book nothing is told.
"""

from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Final

from msgspec.structs import replace

from cloud_marketdata.domain.events import BookDelta, BookSnapshot, StatusEvent
from cloud_marketdata.domain.flow import FlowMinute
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.signal import Signal, Subject
from cloud_marketdata.processing.flow.calls import Calls
from cloud_marketdata.processing.flow.clusters import Taken, clustered, rescaled
from cloud_marketdata.processing.flow.followed_book import FollowedBook, on_grid
from cloud_marketdata.processing.flow.minutes import Minutes
from cloud_marketdata.processing.flow.moments import Arrival, Fold, Quote, Scene, Told
from cloud_marketdata.processing.flow.places import Released
from cloud_marketdata.processing.flow.seconds import MINUTE, Seconds, finer

_OUTSIDE, _TRADE, _BOOK, _FACT, _ARRIVAL = range(5)
_Item = tuple[int, int, Any]
_order: Final = itemgetter(0, 1)


class Stage:
    """One market. `minutes` and `signals` grow until `take` empties them.

    off_book: trades outside of the book since it began.
    """

    def __init__(self, subject: Subject, instrument: Instrument, folds: Sequence[Fold]) -> None:
        self.scene = Scene(subject, instrument)
        self.folds = list(folds)
        self.signals: list[Signal] = []
        self.followed = FollowedBook()
        self.seconds = Seconds()
        self.minutes = Minutes()
        self._calls = Calls(self.folds)
        self._known = instrument

    def tell(self, released: Released) -> None:
        """Tell all of it in order, and then every second and minute that is over."""
        self.minutes.note_late(released.late)
        for time, rank, what in self._ordered(released):
            self._reach(time, data=rank <= _BOOK)
            if rank == _TRADE:
                self._trade(what)
            elif rank == _BOOK:
                self._change(what)
            elif rank == _FACT:
                self._fact(what)
            elif rank == _ARRIVAL:
                self._arrival(what)
            else:
                self.minutes.off_book += 1
        if self.seconds.start >= 0:
            self._pass(released.upto)

    def take(self) -> tuple[list[FlowMinute], list[Signal]]:
        """Return what was told since the last call; of a signal its last revision alone."""
        minutes = self.minutes.take()
        signals, self.signals = self.signals, []
        return minutes, list({one.id: one for one in signals}.values())

    def end(self) -> None:
        """Tell what is left of the open minute: the tape ends here."""
        if self.seconds.start >= 0 and self.minutes.start >= 0:
            self._pass(self.minutes.start + MINUTE)

    @property
    def warming(self) -> tuple[str, ...]:
        """Names of the folds whose baselines are not full yet."""
        return tuple(fold.name for fold in self.folds if fold.warming)

    def _ordered(self, released: Released) -> list[_Item]:
        taken, outside = clustered(released.trades)
        items: list[_Item] = [(one.cluster.time, _TRADE, one) for one in taken]
        items += [(one.exchange_time, _OUTSIDE, one) for one in outside]
        items += [(time, _BOOK, change) for time, change in released.book]
        items += [(time, _FACT, fact) for time, fact in released.facts]
        if self._calls.arrival:
            items += [(time, _ARRIVAL, arrival) for time, arrival in released.arrivals]
        items.sort(key=_order)
        return items

    def _reach(self, time: int, *, data: bool) -> None:
        """Let time come to the moment of an item, which may be the present one or before it."""
        scene, seconds = self.scene, self.seconds
        if data and seconds.start < 0:
            seconds.begin(max(time, scene.time))
            self.minutes.begin(seconds.start)
        if time <= scene.time:
            if data and seconds.resting:
                self._pass(scene.time, wake=True)
            return
        if time >= seconds.end and seconds.start >= 0:
            self._pass(time, wake=data)
        scene.before = scene.quote
        scene.time = time

    def _pass(self, time: int, *, wake: bool = False) -> None:
        """Tell the seconds and minutes that are over at `time`."""
        scene, seconds, minutes = self.scene, self.seconds, self.minutes
        if seconds.resting and wake:
            self._wake(time)
        for second in seconds.ended(time, scene.quote):
            scene.time = max(scene.time, seconds.start)
            scene.before = scene.quote
            for call in self._calls.second:
                self._keep(call(scene, second))
            if seconds.start >= minutes.start + MINUTE:
                self._end_minute()
            if seconds.resting and wake:
                self._wake(time)

    def _wake(self, time: int) -> None:
        self.seconds.wake(time)
        self.minutes.begin(self.seconds.start)

    def _end_minute(self) -> None:
        scene, minutes = self.scene, self.minutes
        for call in self._calls.minute:
            self._keep(call(scene, minutes.start))
        readings = {name: told for name, call in self._calls.reading if (told := call(scene))}
        minutes.end(scene, readings, self.warming)

    def _trade(self, taken: Taken) -> None:
        cluster, scene = taken.cluster, self.scene
        if taken.instrument is not self._known and not self._on_grid(taken.instrument):
            factors = self._meet(taken.instrument)
            cluster = cluster if factors == (1, 1) else rescaled(cluster, *factors)
        self.seconds.trade(cluster)
        for call in self._calls.cluster:
            told = call(scene, cluster)
            if told:
                self._keep(told)

    def _change(self, change: BookSnapshot | BookDelta) -> None:
        scene, followed = self.scene, self.followed
        if change.instrument is not self._known and not self._on_grid(change.instrument):
            self._meet(change.instrument)
            change = on_grid(change, scene.instrument)
        followed.apply(change)
        self.seconds.book_changes += 1
        self._believe()
        if scene.book is not None:
            for call in self._calls.book:
                told = call(scene, change)
                if told:
                    self._keep(told)

    def _fact(self, fact: StatusEvent) -> None:
        found = self.followed.fact(fact)
        self._believe()
        if self.seconds.start < 0:
            return
        if found and self.scene.book is not None:
            # Nobody was told what happened to it meanwhile, so it begins anew for all.
            whole = self.scene.book.snapshot()
            for call in self._calls.book:
                self._keep(call(self.scene, whole))
        for tell in self._calls.fact:
            self._keep(tell(self.scene, fact))

    def _arrival(self, arrival: Arrival) -> None:
        for call in self._calls.arrival if self.seconds.start >= 0 else ():
            self._keep(call(self.scene, arrival))

    def _keep(self, told: Told) -> None:
        self.signals.extend(told)

    def _believe(self) -> None:
        """Show the folds the book, if it may be believed, and its touch."""
        scene, book = self.scene, self.followed.believed
        if (book is None) is not (scene.book is None):
            self.minutes.book_changed(scene.time, believed=book is not None)
        scene.book = book
        if book is None:
            scene.quote = None
            return
        bids, asks = book.bids.prices, book.asks.prices
        if not bids or not asks or bids[-1] >= asks[0] or not book.knows(1):
            scene.quote = None
            return
        bid, ask, quote = bids[-1], asks[0], scene.quote
        touch = (bid, book.bids.sizes[bid], ask, book.asks.sizes[ask])
        if quote is None or quote[1:] != touch:
            scene.quote = Quote(scene.time, *touch)

    def _on_grid(self, instrument: Instrument) -> bool:
        if instrument.scale != self.scene.instrument.scale:
            return False
        self._known = instrument
        return True

    def _meet(self, instrument: Instrument) -> tuple[int, int]:
        """Count on a grid that holds this one too; return the factors from it to the common one."""
        scene = self.scene
        old = scene.instrument
        common = old.scale.meet(instrument.scale)
        if common != old.scale:
            version = max(old.scale_version, instrument.scale_version)
            scene.instrument = replace(old, scale=common, scale_version=version)
            self._known = scene.instrument
            self._rescale(*old.scale.factors(common))
        return instrument.scale.factors(scene.instrument.scale)

    def _rescale(self, tick: int, lot: int) -> None:
        scene = self.scene
        self.followed.meet(scene.instrument)
        scene.quote, scene.before = finer(scene.quote, tick, lot), finer(scene.before, tick, lot)
        self.seconds.rescale(tick, lot)
        self.folds = [fold.rescaled(tick, lot) for fold in self.folds]
        self._calls = Calls(self.folds)
