"""Tells a connection that its key is to be replaced, once a day, before it is refused."""

from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from cloud_marketdata.api.stream.bearer import Bearer
from cloud_marketdata.api.stream.messages import Notice
from cloud_marketdata.api.stream.voice import own
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S
from cloud_marketdata.security.identity import Identity

_DAY_NS: Final = int(timedelta(days=1).total_seconds()) * NS_PER_S
Reason = Literal["key_rotation_due", "key_retired"]


class Notices:
    """Says when a key is due: as long before it retires as the settings leave for a rotation."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._ahead_ns = (settings.key_days - settings.key_rotate_days) * _DAY_NS

    def tell(self, bearer: Bearer) -> None:
        """Tell a connection, if there is something to tell that it was not told today."""
        identity, now = bearer.identity, self._clock.now()
        reason = self._reason(identity, now)
        if reason is None or (bearer.told_at and now < bearer.told_at + _DAY_NS):
            return
        bearer.told_at = now
        bearer.outbox.offer(None, own(_notice(identity, reason)))

    def _reason(self, identity: Identity, now: int) -> Reason | None:
        if not identity.retires_at or now < identity.retires_at - self._ahead_ns:
            return None
        return "key_rotation_due" if now < identity.retires_at else "key_retired"


def _notice(identity: Identity, reason: Reason) -> Notice:
    end = datetime.fromtimestamp(identity.ends_at // NS_PER_S, UTC).isoformat()
    return Notice(
        code=reason,
        detail=f"rotate this key; it is refused from {end} on",
        key_id=identity.key_id,
        retires_at=identity.retires_at // NS_PER_MS,
        ends_at=identity.ends_at // NS_PER_MS,
    )
