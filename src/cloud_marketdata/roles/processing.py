"""The role `process`: the log to aggregates, signals and closed days."""

from collections.abc import Mapping
from random import Random

from cloud_marketdata.collectors.klines.source import VenueKlines
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.rest.address import Address
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.health import Component
from cloud_marketdata.core.holders import worker_name
from cloud_marketdata.core.telemetry.metric import Measured
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.processing.crew import Crew
from cloud_marketdata.processing.pairs.crew import PairCrew
from cloud_marketdata.processing.reconciliation.reconciling import Reconciling
from cloud_marketdata.roles.part import Part
from cloud_marketdata.storage.flow_retention import FlowRetention, Kept
from cloud_marketdata.storage.membership import Membership
from cloud_marketdata.storage.ports import Stores
from cloud_marketdata.storage.proving import Proving
from cloud_marketdata.storage.retention import HotRetention
from cloud_marketdata.storage.tiering.archived import Archived
from cloud_marketdata.storage.tiering.archiving import Archiving
from cloud_marketdata.storage.tiering.forgetting import Forgetting


class Processing:
    """Crews that work on markets and pairs, and what brings closed days to the next tier."""

    def __init__(
        self,
        stores: Stores,
        addresses: Mapping[Venue, Address],
        rejections: Rejections,
        settings: Settings,
        clock: Clock,
        random: Random,
    ) -> None:
        archived = Archived()
        forgetting = Forgetting(stores, settings, clock, archived)
        name = worker_name(settings, random)
        self.members = Membership(
            stores.members, "process", name, seconds=settings.lease_s, clock=clock
        )
        self.crew = Crew(
            stores,
            settings,
            clock,
            random,
            forget=forgetting.forget,
            membership=self.members,
        )
        every_s, markets = settings.tiering_every_s, self.crew.markets
        archiving = Archiving(stores, clock, archived, markets=markets, every_s=every_s)
        retention = HotRetention(stores.log, clock, settings.hot_minutes, self.members)
        flow_retention = FlowRetention(stores, clock, Kept.of(settings), every_s, self.members)
        self.parts: list[Part] = [
            ("members", self.members.run),
            ("crew", self.crew.run),
            ("archiving", archiving.run),
            ("retention", retention.run),
            ("flow retention", flow_retention.run),
        ]
        self.components: list[Component] = [self.members, self.crew, forgetting, archiving]
        proving = Proving(stores, clock, markets)
        self.parts.append(("proving", proving.run))
        self.measured: list[Measured] = [proving]
        self._pairs: PairCrew | None = None
        if settings.signals:
            self._pairs = pairs = PairCrew(stores, settings, clock, random, membership=self.members)
            self.parts.append(("pairs", pairs.run))
            self.components.append(pairs)
        if settings.reconcile:
            # Asked at the feeds' own addresses, whose limits they share.
            source = VenueKlines(addresses, settings.binance_trade_stream, rejections, clock)
            reconciling = Reconciling(stores, source, settings, clock, random, markets=markets)
            self.parts.append(("reconciliation", reconciling.run))
            self.components.append(reconciling)

    async def finish(self) -> None:
        """Save what the log still holds; nobody of this process appends any more.

        The others are told before, so that they take each market as soon as it is given back.
        """
        await self.members.leave()
        await self.crew.finish()
        if self._pairs:
            await self._pairs.finish()
