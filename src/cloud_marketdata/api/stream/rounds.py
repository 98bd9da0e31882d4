"""Goes round all connections that were let in with a key, and asks whether the key still holds.

A stream lasts longer than a look-up of its key may be believed. One task looks for all of them, and
once for each key, however many connections it has. Who has lost it is told why and cut off; who
will lose it is told in time, once a day. While the store of keys is away nobody is cut off before
the end that his key had when it was last seen.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import structlog

from cloud_marketdata.api.stream.bearer import Bearer
from cloud_marketdata.api.stream.notices import Notices
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.core.health import Pulse
from cloud_marketdata.security.identity import Identity
from cloud_marketdata.security.keys.keyring import Keyring
from cloud_marketdata.security.refusals import KeyExpiredError, RefusedError

_LEAST_S: Final = 0.5
_AT_ONCE: Final = 16
_log = structlog.get_logger(__name__)


class Rounds:
    """Every connection that is open; `run` is a part of the service."""

    def __init__(self, keyring: Keyring, clock: Clock, settings: Settings) -> None:
        self.revoked = 0
        self.unanswered = 0
        self._keyring = keyring
        self._clock = clock
        self._notices = Notices(clock, settings)
        self._every_s = max(_LEAST_S, settings.key_cache_s / 2)
        self._bearers: dict[int, Bearer] = {}

    @contextmanager
    def watching(self, bearer: Bearer) -> Iterator[None]:
        """Look after a connection while it is open."""
        self._bearers[id(bearer)] = bearer
        try:
            yield
        finally:
            del self._bearers[id(bearer)]

    async def run(self) -> None:
        """Go round for ever."""
        while True:
            await self._clock.sleep(self._every_s)
            await self.go()

    async def go(self) -> None:
        """Go round once."""
        held: dict[str, list[Bearer]] = defaultdict(list)
        for bearer in self._bearers.values():
            if bearer.identity.key_id:
                held[bearer.identity.key_id].append(bearer)
        keys = [*held.values()]
        for first in range(0, len(keys), _AT_ONCE):
            some = keys[first : first + _AT_ONCE]
            await asyncio.gather(*(self._look(bearers) for bearers in some))

    async def pulse(self) -> Pulse:
        """See Component."""
        told: dict[str, object] = {
            "watched": sum(bool(one.identity.key_id) for one in self._bearers.values()),
            "revoked": self.revoked,
            "unanswered": self.unanswered,
        }
        return Pulse("security", "stream keys", "ok", ok=True, detail=told)

    async def _look(self, bearers: Sequence[Bearer]) -> None:
        identity = bearers[0].identity
        try:
            fresh = await self._keyring.recheck(identity)
        except RefusedError as error:
            self._revoke(identity, bearers, error)
        except StorageError as error:
            self.unanswered += 1
            _log.warning("stream.keys_not_checked", error=str(error))
            if self._clock.now() >= identity.ends_at:
                over = KeyExpiredError(f"the key {identity.key_id} is over")
                self._revoke(identity, bearers, over)
        else:
            for bearer in _still(identity, bearers):
                bearer.identity = fresh
                self._notices.tell(bearer)

    def _revoke(self, identity: Identity, bearers: Sequence[Bearer], error: RefusedError) -> None:
        for bearer in _still(identity, bearers):
            self.revoked += 1
            bearer.revoke(error)


def _still(identity: Identity, bearers: Sequence[Bearer]) -> Iterator[Bearer]:
    """Yield who has not shown another key while this one was looked up."""
    return (bearer for bearer in bearers if bearer.identity.key_id == identity.key_id)
