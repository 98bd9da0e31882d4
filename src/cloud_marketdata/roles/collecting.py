"""The role `collect`: venues to the log.

Every venue is made ready, because one without symbols may be given some later. Where the log is in
Redis any number of such processes share the symbols. A folder's log has one process, by a lock, and
it collects all there is without asking anybody.
"""

import asyncio
from collections.abc import Mapping
from random import Random
from typing import Final

import structlog

from cloud_marketdata.collectors.connection.transport import connector
from cloud_marketdata.collectors.feed import Feed
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.rest.address import Address
from cloud_marketdata.collectors.roster import Roster
from cloud_marketdata.collectors.sharing.heirs import Heirs
from cloud_marketdata.collectors.sharing.share import Share
from cloud_marketdata.collectors.sharing.tenures import Tenures
from cloud_marketdata.collectors.writer import LogWriter
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.health import Component
from cloud_marketdata.core.holders import collector_name
from cloud_marketdata.core.telemetry.metric import Measured
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.roles.part import Part
from cloud_marketdata.security.tls.client import client_context
from cloud_marketdata.storage.membership import Membership
from cloud_marketdata.storage.ports import Stores

_DRAIN_S: Final = 10.0
"""How long a stop waits for a store that is away; what it has not taken by then is told."""

_HEIRS_S: Final = 5.0
"""How long an heir needs to hear a symbol well, once it has heard that we leave."""


class Collecting:
    """Feeds of all venues and the writer behind them.

    `writer` is run beside `parts`, and ends by `end` when they have ended.
    """

    def __init__(
        self,
        stores: Stores,
        addresses: Mapping[Venue, Address],
        rejections: Rejections,
        settings: Settings,
        clock: Clock,
        random: Random,
    ) -> None:
        self.writer = LogWriter(
            stores,
            rejections,
            clock,
            events_max=settings.queue_batches * settings.batch_events,
        )
        self.rosters: dict[Venue, Roster] = {}
        self.parts: list[Part] = []
        self.measured: list[Measured] = [self.writer]
        self.components: list[Component] = []
        self._shares: list[Share] = []
        self._membership = self._joined(stores, settings, clock, random)
        self._hand_over_s = min(settings.stop_timeout_s / 2, settings.lease_s + _HEIRS_S)
        self._patience_s = _DRAIN_S + 2 * settings.store_timeout_s
        for venue in Venue:
            address = addresses[venue]
            feed = Feed(
                venue,
                settings,
                stores=stores,
                writer=self.writer,
                rejections=rejections,
                door=address,
                connect=connector(clock, client_context(settings.tls_ca)),
                clock=clock,
                random=random,
            )
            collects = self._shared(feed, stores, settings, clock) or feed
            roster = Roster(collects, address.open, settings, clock, random)
            self.rosters[venue] = roster
            self.components.append(roster)
            self.parts += [(f"feed {venue}", feed.run), (f"roster {venue}", roster.run)]

    def _joined(
        self, stores: Stores, settings: Settings, clock: Clock, random: Random
    ) -> Membership | None:
        """Be a member of those that share the symbols, where there can be any others."""
        if settings.redis_url is None:
            return None
        name, lease_s = collector_name(settings, random), settings.lease_s
        members = Membership(stores.members, "collect", name, seconds=lease_s, clock=clock)
        self.parts.append(("members", members.run))
        self.components.append(members)
        return members

    def _shared(self, feed: Feed, stores: Stores, settings: Settings, clock: Clock) -> Share | None:
        """Have a venue's symbols shared with other processes, where there can be any."""
        members = self._membership
        if members is None:
            return None
        venue, lease_s = feed.venue, settings.lease_s
        tenures = Tenures(venue, stores, members.name, lease_s, clock)
        heirs = Heirs(venue, stores.members, members.name, lease_s, clock)
        share = Share(feed, tenures, heirs, members, clock, copies=settings.collect_copies)
        self._shares.append(share)
        self.parts.append((f"share {venue}", share.run))
        return share

    async def hand_over(self) -> None:
        """Leave the other collectors, and return when they have taken over, or in a while.

        It is for the beginning of a stop: all parts still run, so nothing is missed meanwhile.
        """
        if self._membership is None:
            return
        await self._membership.leave()
        if self._membership.living:
            async with asyncio.TaskGroup() as group:
                for share in self._shares:
                    group.create_task(share.handed_over(self._hand_over_s))

    def configure(self, settings: Settings) -> None:
        """Collect what these settings say."""
        for roster in self.rosters.values():
            roster.configure(settings)

    async def end(self, writing: asyncio.Task[None]) -> bool:
        """Write what waits and give the leases back; False where the store is away for too long."""
        self.writer.close()
        await asyncio.wait((writing,), timeout=self._patience_s)
        if not writing.done():
            structlog.get_logger().error("service.not_written", events=self.writer.backlog)
            writing.cancel()
            return False
        for share in self._shares:
            await share.end()
        return True
