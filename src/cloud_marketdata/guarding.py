"""What stands at the door of a process that answers, built of its parts.

Keys, limits and the gate; the places of connections and how long a client may take to speak; the
certificate that is shown. Each is a small part of `security` or `core.http`; here they meet.
"""

from collections.abc import Awaitable, Callable
from random import Random
from typing import Final

from cloud_marketdata.api.edge.accounts import Accounts
from cloud_marketdata.api.edge.guard import Guard
from cloud_marketdata.api.stream.guard import StreamGuard
from cloud_marketdata.api.stream.rounds import Rounds
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.health import Component
from cloud_marketdata.core.holders import worker_name
from cloud_marketdata.core.http.door import Door, Turned
from cloud_marketdata.core.telemetry.metric import Measured
from cloud_marketdata.security.audit.event import AuditEvent
from cloud_marketdata.security.audit.log import AuditLog
from cloud_marketdata.security.gate import Gate
from cloud_marketdata.security.keys.desk import KeyDesk
from cloud_marketdata.security.keys.events import KeyEvent
from cloud_marketdata.security.keys.folder import KeyFolder
from cloud_marketdata.security.keys.keyring import Keyring
from cloud_marketdata.security.keys.lineages import Lineages
from cloud_marketdata.security.keys.pepper_file import open_peppers
from cloud_marketdata.security.keys.rotating import Rotating
from cloud_marketdata.security.keys.watching import Watching
from cloud_marketdata.security.limits.addresses import Trusted
from cloud_marketdata.security.limits.limits import Limits
from cloud_marketdata.security.limits.seats import Seats
from cloud_marketdata.security.tls.certificates import Certificates
from cloud_marketdata.storage.ports import Stores
from cloud_marketdata.storage.security_ports import Quotas

_BESIDE_READERS: Final = 1000
"""Connections at one time beside those of the live stream."""


class Guarding:
    """The guards of one process; `parts` are to be run, `components` are asked by /health.

    `measured` has figures and no pulse.

    Args:
        stores: where keys, leases and the quotas of all processes are.
        local: counts what is asked while those quotas are out of reach.
        settings: see docs/security.md.
        clock: for all of it.
        random: a SystemRandom: secrets are made of it.
        audit: where each operation is written down.

    Raises SettingsError for peppers, proxies or certificates that cannot be used.
    """

    def __init__(
        self,
        stores: Stores,
        local: Quotas,
        settings: Settings,
        clock: Clock,
        random: Random,
        audit: AuditLog,
    ) -> None:
        peppers = open_peppers(settings, random)
        self._keyring = Keyring(stores.keys, peppers, clock, settings)
        limits = Limits(stores.quotas, local, settings, clock)
        gate = Gate(self._keyring, limits, settings)
        seats, rounds = Seats(settings), Rounds(self._keyring, clock, settings)
        self._audit = audit
        desk = KeyDesk(stores.keys, peppers, clock, random, settings)
        accounts = Accounts(audit.record)
        self.measured: list[Measured] = [accounts]
        self.guard = Guard(gate, desk, accounts.record, Trusted(settings.trusted_proxies))
        self.stream = StreamGuard(gate, seats, rounds, audit.record)
        connections = settings.stream_connections + _BESIDE_READERS
        self.door = Door(connections, settings.header_timeout_s, told=self._turned_away)
        self.certificates = Certificates(settings, clock) if settings.tls_certificate else None
        self.components: list[Component] = [self._keyring, limits, seats, rounds, self.door]
        self.parts: list[tuple[str, Callable[[], Awaitable[None]]]] = [
            ("key uses", self._keyring.run),
            ("stream keys", rounds.run),
        ]
        if self.certificates:
            self._add("certificates", self.certificates)
        holder = worker_name(settings, random)
        self._add("key expiry", Watching(stores.keys, stores.leases, clock, holder, self._told))
        if settings.key_dir:
            lineages = Lineages(stores.keys, peppers, clock, random, settings)
            folder = KeyFolder(settings.key_dir)
            rotating = Rotating(
                stores.keys, stores.leases, lineages, folder, clock, holder, self._told
            )
            self._add("key rotation", rotating)

    def _add(self, name: str, part: Certificates | Rotating | Watching) -> None:
        self.parts.append((name, part.run))
        self.components.append(part)

    def _turned_away(self, turned: Turned) -> None:
        """Write down a request that was never one: its head had no end, or two meanings."""
        code, status, address = turned
        self._audit.record(
            AuditEvent(
                "http.unreadable", "rest", "refused", code=code, status=status, address=address
            )
        )

    def _told(self, event: KeyEvent) -> None:
        record = event.record
        self._audit.record(
            AuditEvent(
                event.action,
                "system",
                "ok",
                key_id=record.id,
                owner=record.owner,
                params=event.detail,
            )
        )
