"""Who is at the other end of a connection, from its first request to its last.

Where keys are asked for and none came with the handshake, nothing but `auth` and `ping` is answered
until one is shown, which may not take long and may not fail often. A key can be replaced by another
one on the same connection: everything that is listened to goes on, as all of it needs one scope.
"""

from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self

from cloud_marketdata.api.edge.visit import Visit
from cloud_marketdata.api.stream.messages import Authed, Id
from cloud_marketdata.api.stream.outbox import Outbox, Parting
from cloud_marketdata.domain.values import NS_PER_MS
from cloud_marketdata.security.gate import Gate, Knock
from cloud_marketdata.security.identity import LOCAL, NOBODY, Identity, Scope
from cloud_marketdata.security.limits.seats import Seats
from cloud_marketdata.security.refusals import (
    KeyMissingError,
    QuotaExceededError,
    RefusedError,
    ScopeMissingError,
)

PATIENCE_S: Final = 5.0
"""How long a connection may stay without a key."""
MOST_WRONG: Final = 3
"""Keys that a connection may show in vain."""
UNKNOWN: Final = 4401
UNABLE: Final = 4403
_MISSING: Final = f"no key was shown within {PATIENCE_S:g} s"
_SHOW: Final = 'show a key first: {"op": "auth", "key": "…"}'
_CONNECT_COST: Final = 1


class Bearer:
    """The identity of one connection, its seats, and what its requests are charged to."""

    def __init__(self, gate: Gate, seats: Seats, visit: Visit, outbox: Outbox) -> None:
        self.visit = visit
        self.identity: Identity = visit.identity
        self.outbox = outbox
        self.told_at = 0
        """When it was last told (ns) that its key is to be replaced."""
        self._gate = gate
        self._seats = seats
        self._wrong = 0
        self._address_seat = ExitStack()
        self._key_seat = ExitStack()

    @property
    def known(self) -> bool:
        """Whether requests are answered: a key was shown, or none is asked for."""
        return self.identity != NOBODY

    def __enter__(self) -> Self:
        """Take the seats of an address and of a key; raises QuotaExceededError."""
        if self.identity != LOCAL:
            self._address_seat.enter_context(self._seats.of_address(self.visit.address))
        try:
            self._key_seat.enter_context(self._seats.of_key(self.identity))
        except QuotaExceededError:
            self._address_seat.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Free the seats."""
        self._key_seat.close()
        self._address_seat.close()

    async def connect(self) -> None:
        """Charge the handshake; raises ScopeMissingError or QuotaExceededError."""
        if self.known:
            await self._gate.allow(self.identity, Scope.STREAM_READ, _CONNECT_COST)

    async def ask(self) -> None:
        """Charge a request, whatever it says, to the key, or else to the address.

        Raises OverQuotaError, or StorageError.
        """
        if self.identity.key_id:
            await self._gate.allow(self.identity, Scope.STREAM_READ, 1)
        else:
            await self._gate.arrive(self._knock(None))

    async def pay(self, more: int) -> None:
        """Charge what an answer costs beyond the request; raises KeyMissingError, as `ask` does."""
        if not self.known:
            raise KeyMissingError(_SHOW)
        await self._gate.allow(self.identity, Scope.STREAM_READ, more)

    async def show(self, key: str) -> None:
        """Be known by this key from now on; raises what is wrong with it.

        A key that is not good leaves things as they were; one too many ends the connection, and so
        does the first that may not read the stream where no other is in force.
        """
        try:
            found = await self._gate.identify(self._knock(key))
            await self._gate.allow(found, Scope.STREAM_READ, _CONNECT_COST)
        except QuotaExceededError:
            raise
        except ScopeMissingError as error:
            if not self.known:
                self.outbox.part(Parting(UNABLE, error.code, str(error)))
            raise
        except RefusedError as error:
            self._wrong += 1
            if self._wrong >= MOST_WRONG:
                self.outbox.part(Parting(UNKNOWN, error.code, str(error)))
            raise
        self._sit(found)

    def told(self, request: Id, *, required: bool) -> Authed:
        """Say as whom the connection is known; raises KeyMissingError where it is not."""
        if not self.known:
            raise KeyMissingError(_SHOW)
        identity = self.identity
        has_key = bool(identity.key_id)
        return Authed(
            id=request,
            required=required,
            owner=identity.owner,
            scopes=sorted(identity.scopes),
            key_id=identity.key_id or None,
            retires_at=identity.retires_at // NS_PER_MS if has_key else None,
            ends_at=identity.ends_at // NS_PER_MS if has_key else None,
        )

    def give_up(self) -> None:
        """End the connection of who has not shown a key."""
        if not self.known:
            self.outbox.part(Parting(UNKNOWN, KeyMissingError.code, _MISSING))

    def revoke(self, error: RefusedError) -> None:
        """End the connection at once: what waits for it is not sent any more."""
        self.outbox.cut(Parting(UNKNOWN, error.code, str(error)))

    def _knock(self, key: str | None) -> Knock:
        return Knock(self.visit.address, self.visit.local, key)

    def _sit(self, found: Identity) -> None:
        """Move to the seat of a key, unless it is the same; raises QuotaExceededError."""
        if found.key_id != self.identity.key_id:
            seat = ExitStack()
            seat.enter_context(self._seats.of_key(found))
            self._key_seat.close()
            self._key_seat, self.told_at = seat, 0
        self.identity = found
