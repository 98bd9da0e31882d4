"""What watches the door of a process, in one hand: who may pass, who may get keys, what is kept."""

from collections.abc import Callable
from typing import NamedTuple

from cloud_marketdata.security.audit.event import AuditEvent
from cloud_marketdata.security.gate import Gate
from cloud_marketdata.security.keys.desk import KeyDesk
from cloud_marketdata.security.limits.addresses import Trusted


class Guard(NamedTuple):
    """The gate, the desk that makes keys, where each operation is written down, whom to believe."""

    gate: Gate
    desk: KeyDesk
    audit: Callable[[AuditEvent], None]
    trusted: Trusted
