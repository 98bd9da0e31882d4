"""Says of a key whose secret was right why it is refused all the same."""

from datetime import UTC, datetime

from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.security.keys.lifecycle import State, state_of
from cloud_marketdata.security.refusals import KeyExpiredError, KeyRevokedError
from cloud_marketdata.storage.security_ports import KeyRecord


def ensure_valid(record: KeyRecord, now: int) -> None:
    """Raise KeyRevokedError or KeyExpiredError where the key is taken no more at `now` (ns)."""
    state = state_of(record, now)
    if state is State.REVOKED:
        msg = f"the key {record.id} was revoked at {_told(record.revoked_at)}"
        raise KeyRevokedError(msg)
    if state is State.EXPIRED:
        msg = f"the key {record.id} expired at {_told(record.ends_at)}"
        raise KeyExpiredError(msg)


def _told(time: int) -> str:
    return datetime.fromtimestamp(time // NS_PER_S, UTC).isoformat()
