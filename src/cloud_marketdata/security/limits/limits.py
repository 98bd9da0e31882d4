"""The two limits that everybody meets: of the address before the key is looked at, then of the key.

Both are counted in the hot tier, for all processes together. A cost above a whole quota is taken as
the whole quota, or who has a small one could never ask the dearer questions.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final, get_args

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.health import Pulse
from cloud_marketdata.core.telemetry.catalogue import RATE_LIMITED
from cloud_marketdata.core.telemetry.metric import Sample
from cloud_marketdata.security.identity import Identity
from cloud_marketdata.security.limits.absence import Standby
from cloud_marketdata.security.limits.addresses import bucket_of
from cloud_marketdata.security.limits.counted import Counted, Kind, OverQuotaError
from cloud_marketdata.security.limits.fines import Fines
from cloud_marketdata.storage.security_ports import Quotas, Rate

_MINUTE_S: Final = 60
_STATES: Final = {"local": "counting here", "refuse": "refusing", "allow": "not counting"}


class Limits:
    """The limits of addresses and keys; `refused` counts by kind, `fined` the wrong keys.

    quotas: counts for the whole deployment. local: counts here, while those are away.
    """

    def __init__(self, quotas: Quotas, local: Quotas, settings: Settings, clock: Clock) -> None:
        self.refused: Counter[Kind] = Counter()
        self.fined = 0
        self._here = local
        self._quotas = Standby(quotas, local, settings, clock)
        self._fines = Fines()
        self._per_address = Rate(settings.limit_per_ip, _MINUTE_S)
        self._per_key = Rate(settings.limit_per_key, _MINUTE_S)

    async def of_address(self, address: str, cost: int = 1) -> Counted:
        """Count what an address asks, and what it owes; raises OverQuotaError, taking nothing.

        This and the others raise StorageError where the quotas are away and the settings refuse.
        """
        bucket = bucket_of(address)
        owed = self._fines.owed(bucket)
        counted = await self._count("ip", bucket, self._per_address, cost + owed)
        if owed:
            self._fines.settle(bucket, owed)
        return counted

    async def of_address_here(self, address: str) -> Counted:
        """Count what an address asks of this process alone, which no store has to answer for."""
        bucket = bucket_of(address)
        taken = await self._here.take(f"here:{bucket}", self._per_address, 1)
        return self._allowed(Counted("ip", self._per_address, taken))

    async def fine(self, address: str, cost: int) -> None:
        """Take the fine for a wrong key; what the address does not have, its next request pays."""
        self.fined += 1
        bucket = bucket_of(address)
        counted = await self._attempt("ip", bucket, self._per_address, cost)
        if not counted.taken.ok:
            self._fines.add(bucket, cost)

    async def of_key(self, identity: Identity, cost: int) -> Counted:
        """Count what a key asks; raises OverQuotaError, taking nothing.

        Who has no key has no such limit, and is not asked about.
        """
        assert identity.key_id, "a limit of a key, and no key"
        own = identity.per_minute
        rate = self._per_key if own is None else Rate(own, _MINUTE_S)
        return await self._count("key", identity.key_id, rate, cost)

    async def _count(self, kind: Kind, name: str, rate: Rate, cost: int) -> Counted:
        return self._allowed(await self._attempt(kind, name, rate, cost))

    def _allowed(self, counted: Counted) -> Counted:
        if not counted.taken.ok:
            self.refused[counted.name] += 1
            raise OverQuotaError(counted)
        return counted

    async def _attempt(self, kind: Kind, name: str, rate: Rate, cost: int) -> Counted:
        taken = await self._quotas.take(f"{kind}:{name}", rate, min(cost, rate.quota))
        return Counted(kind, rate, taken)

    def measures(self) -> Iterator[Sample]:
        """See core.telemetry.metric.Measured."""
        yield from (RATE_LIMITED.of(self.refused[kind], kind) for kind in get_args(Kind))

    async def pulse(self) -> Pulse:
        """See Component."""
        quotas, away = self._quotas, bool(self._quotas.why)
        told: dict[str, object] = {
            "refused": dict(self.refused),
            "fined": self.fined,
            "owing": len(self._fines),
            "forgiven": self._fines.forgiven,
            "absences": quotas.absences,
            "bridged": quotas.bridged,
        }
        if away:
            told["error"] = quotas.why
        state = _STATES[quotas.when_away] if away else "ok"
        return Pulse("security", "limits", state, ok=not away, detail=told)
