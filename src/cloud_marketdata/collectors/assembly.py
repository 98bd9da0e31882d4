"""Puts the parts of one venue together: tapes, desks, back-fill, connections.

All of them are made anew whenever the feed starts, and hand on what they collect to one custody.
"""

from collections import Counter
from random import Random

from cloud_marketdata.collectors.connection.fleet import Fleet
from cloud_marketdata.collectors.connection.gear import Gear
from cloud_marketdata.collectors.connection.transport import Connect
from cloud_marketdata.collectors.lanes.desk import Desks
from cloud_marketdata.collectors.lanes.intake import Intake
from cloud_marketdata.collectors.lanes.rulers import Rulers
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.rest.address import breaker_of
from cloud_marketdata.collectors.rest.client import Rest
from cloud_marketdata.collectors.sharing.custody import Custody
from cloud_marketdata.collectors.tapes.backfill import Backfill
from cloud_marketdata.collectors.tapes.tape import Tapes
from cloud_marketdata.collectors.venues import VENUES
from cloud_marketdata.collectors.works import Works
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.values import Venue


class Assembly:
    """What the parts are made of; `breaker` stands before the venue's WebSocket endpoint."""

    def __init__(
        self,
        venue: Venue,
        settings: Settings,
        rejections: Rejections,
        connect: Connect,
        clock: Clock,
        random: Random,
    ) -> None:
        self.breaker = breaker_of(settings, clock)
        self._venue = venue
        self._settings = settings
        self._rejections = rejections
        self._connect = connect
        self._clock = clock
        self._random = random

    def works(self, rest: Rest, custody: Custody, counts: Counter[str]) -> Works:
        """Return the parts without any symbol; their desks leave what they counted in `counts`."""
        venue, settings = self._venue, self._settings
        rulers = Rulers(venue), Rulers(venue)
        tapes = Tapes(venue)
        desks = Desks(venue, tapes, counts)
        stream = settings.binance_trade_stream

        def make_intake() -> Intake:
            return Intake(VENUES[venue](*rulers, stream), desks, self._rejections)

        backfill = Backfill(
            VENUES[venue](*rulers, stream),
            rest,
            desks,
            custody,
            rejections=self._rejections,
            clock=self._clock,
            random=self._random,
        )
        gear = Gear(
            connect=self._connect,
            rest=rest,
            sink=custody,
            repair=custody.repairing(backfill.request),
            breaker=self.breaker,
            settings=settings,
            clock=self._clock,
            random=self._random,
        )
        fleet = Fleet(settings.endpoints[venue].ws, make_intake, gear)
        return Works(rest, rulers, tapes, desks, backfill, fleet)
