"""What the jobs around keys have to tell; who audits turns it into one event of the log each."""

from collections.abc import Callable
from typing import NamedTuple

from cloud_marketdata.storage.security_ports import KeyRecord


class KeyEvent(NamedTuple):
    """Something became of a key without anybody asking.

    action: `key.delivered`, `key.due`, `key.retiring`, `key.ending` or `key.expired`.
    detail: more of it, as texts; never a secret.
    """

    action: str
    record: KeyRecord
    detail: dict[str, str]


OnEvent = Callable[[KeyEvent], None]
"""Takes an event; never raises and never waits."""
