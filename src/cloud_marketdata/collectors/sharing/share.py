"""This process's share of a venue: which of the wanted symbols it collects, and which it follows.

The members of the deployment rank each symbol alike, and the first one is to have it. That is a
proposal: a lease decides, and the log refuses whoever has lost it. Nobody gives a symbol away
before its heir has heard it for a while; a symbol of one who is gone is taken when its lease
lapses. With `copies` the next ones in rank follow it all the time, ready to go on.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

import structlog
from msgspec.structs import replace

from cloud_marketdata.collectors.feed import Feed
from cloud_marketdata.collectors.pulses import IDLE
from cloud_marketdata.collectors.sharing.heirs import Heirs
from cloud_marketdata.collectors.sharing.tenures import Tenures
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import StorageError, VenueError
from cloud_marketdata.core.health import Pulse
from cloud_marketdata.core.telemetry.metric import Sample
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.membership import Membership

_LOOK_S: Final = 0.5
_VENUE_S: Final = 2.0
"""How long a venue is left alone that has not answered."""
_AT_ONCE: Final = 50
"""Symbols that are taken or given in one step, so that none waits long for the others."""


class Share:
    """Gives a feed what it is to do; `wanted` is what all members together are to collect.

    given: symbols that went to an heir. last_error: why the last step was not done.
    """

    def __init__(
        self,
        feed: Feed,
        tenures: Tenures,
        heirs: Heirs,
        membership: Membership,
        clock: Clock,
        *,
        copies: int,
    ) -> None:
        self.wanted: tuple[str, ...] = tuple(feed.symbols)
        self.given = 0
        self.last_error = ""
        self._feed = feed
        self._tenures = tenures
        self._heirs = heirs
        self._membership = membership
        self._clock = clock
        self._copies = copies
        self._going: tuple[str, ...] = ()
        self._ranked: tuple[object, dict[str, int | None]] = (None, {})
        self._look_s = min(_LOOK_S, tenures.beat_s)
        # What it collects comes with leases alone.
        feed.symbols = ()
        self._log = structlog.get_logger().bind(venue=str(feed.venue))

    @property
    def venue(self) -> Venue:
        """The venue."""
        return self._feed.venue

    @property
    def collected(self) -> Sequence[str]:
        """Symbols that this process collects now."""
        return self._feed.collected

    @property
    def unknown(self) -> Sequence[str]:
        """Symbols of ours that the venue does not list."""
        return self._feed.unknown

    async def lists(self, symbol: str) -> bool:
        """Whether the venue lists a symbol; raises VenueError or StorageError."""
        return await self._feed.lists(symbol)

    async def change(self, symbols: Sequence[str]) -> None:
        """Have exactly these symbols collected, each by whom it falls to."""
        self.wanted = tuple(symbols)

    async def run(self) -> None:
        """Keep what is ours, take and give what is due, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep())
            while True:
                await self._clock.sleep(await self._attempt())

    async def handed_over(self, seconds: float) -> None:
        """Return when nothing is ours any more, at the latest after `seconds`.

        It is for one who has left the members and goes on running meanwhile.
        """
        until = self._clock.monotonic() + seconds
        while self._tenures.tokens and self._clock.monotonic() < until:
            await self._clock.sleep(self._look_s / 5)

    async def end(self) -> None:
        """Give back what is left, at a time when all that was collected is in the log."""
        try:
            await self._tenures.give(list(self._tenures.tokens))
        except StorageError as error:
            self._log.warning("share.not_given_back", error=str(error))

    async def pulse(self) -> Pulse:
        """See core.health.Component: the feed's, idle where others collect all there is."""
        pulse = await self._feed.pulse()
        ours = len(self._tenures.tokens)
        sharing = {
            "members": len(self._membership.living),
            "owned": ours,
            "followed": len(self._feed.followed),
            "standing_by": len(self._ripe()),
            "elsewhere": len(self.wanted) - ours,
            "given": self.given,
            "lost": self._tenures.lost,
            "left_out": self._feed.custody.left_out,
            "pushed_out": self._feed.custody.pushed_out,
            "error": self.last_error,
        }
        detail = {**pulse.detail, "sharing": sharing}
        if not ours:
            return replace(pulse, state=IDLE, ok=not self.last_error, detail=detail)
        return replace(pulse, ok=pulse.ok and not self.last_error, detail=detail)

    def measures(self) -> Iterable[Sample]:
        """See core.telemetry.metric.Measured."""
        return self._feed.measures()

    async def _keep(self) -> None:
        while True:
            await self._clock.sleep(self._tenures.beat_s)
            try:
                lost = await self._tenures.keep()
            except StorageError as error:
                # Whether another has taken anything meanwhile shows when we can ask again.
                self._tell(error)
                continue
            if lost:
                self._log.error("share.lost", symbols=lost)
                self._feed.leave(lost, to_heirs=False)

    async def _attempt(self) -> float:
        """Do what is due; returns after how many seconds to look again."""
        try:
            await self._step()
        except StorageError as error:
            self._tell(error)
        except VenueError as error:
            self._tell(error)
            return _VENUE_S
        else:
            self.last_error = ""
        return self._look_s

    async def _step(self) -> None:
        ranks, tokens = self._ranks(), self._tenures.tokens
        await self._settle()
        await self._drop()
        await self._take([symbol for symbol, rank in ranks.items() if rank == 0])
        near = [s for s, rank in ranks.items() if rank is not None and s not in tokens]
        await self._feed.follow(near)
        await self._heirs.say(symbol for symbol in self._ripe() if ranks.get(symbol) == 0)
        await self._give([symbol for symbol in tokens if ranks.get(symbol) != 0])

    def _ranks(self) -> dict[str, int | None]:
        """Return which copy of each wanted symbol is ours."""
        members = self._membership
        basis = self.wanted, tuple(members.living)
        if self._ranked[0] != basis:
            ranks = {s: members.rank(f"{self.venue}/{s}", self._copies) for s in self.wanted}
            self._ranked = basis, ranks
        return self._ranked[1]

    def _ripe(self) -> list[str]:
        """Return what could be taken at once and without a gap."""
        # Who may take nothing yet would leave what it is given to nobody.
        return [] if self._tenures.quiet else self._feed.ripe()

    async def _settle(self) -> None:
        """Give back what was left, once all of it is in the log."""
        if self._going:
            await self._feed.settled(self._going)
            await self._tenures.give(self._going)
            self._going = ()

    async def _drop(self) -> None:
        """End what nobody wants any more."""
        gone = [symbol for symbol in self._tenures.tokens if symbol not in self.wanted]
        if gone:
            await self._adopt([s for s in self._feed.symbols if s not in gone])
            self._going = tuple(gone)
            await self._settle()

    async def _take(self, first: Sequence[str]) -> None:
        """Take what is to be ours, and collect what has become ours."""
        await self._tenures.take([s for s in first if s not in self._tenures.tokens])
        while True:
            ours, collected = self._tenures.tokens, self._feed.symbols
            new = [symbol for symbol in ours if symbol not in collected]
            if not new:
                return
            # Those that need no word from the venue do not wait for one.
            heard = [symbol for symbol in new if symbol in self._feed.followed]
            await self._adopt([*collected, *(heard or new)[:_AT_ONCE]])

    async def _adopt(self, symbols: Sequence[str]) -> None:
        await self._feed.change(symbols, self._tenures.tokens)
        # What was lost while the others were begun.
        lost = [s for s in self._feed.symbols if s not in self._tenures.tokens]
        self._feed.leave(lost, to_heirs=False)

    async def _give(self, surplus: Sequence[str]) -> None:
        """Give what is another one's by rank to those who stand ready for it."""
        if not surplus:
            return
        ready = await self._heirs.ready()
        self._going = tuple([symbol for symbol in surplus if symbol in ready][:_AT_ONCE])
        self._feed.leave(self._going, to_heirs=True)
        self.given += len(self._going)
        await self._settle()

    def _tell(self, error: Exception) -> None:
        if str(error) != self.last_error:
            self._log.warning("share.not_done", error=str(error))
        self.last_error = str(error)
