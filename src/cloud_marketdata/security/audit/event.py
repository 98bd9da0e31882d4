"""What is remembered of one operation, whichever surface it came by.

Nothing here may hold a secret: keys are named by their public part, and `redact` goes over every
text before it is written. What the log says of itself are events too, of the surface `system`.
"""

from typing import Final, Literal

from msgspec import Struct

Surface = Literal["rest", "ws", "mcp", "cli", "system"]
Outcome = Literal["ok", "refused", "failed"]

SURFACES: Final = ("rest", "ws", "mcp", "cli", "system")
OUTCOMES: Final = ("ok", "refused", "failed")
START: Final = "audit.start"
"""The first line of a run of a writer."""
LOST: Final = "audit.lost"
"""So many events did not find room in the queue, right here."""
CLOSE: Final = "audit.close"
"""The last line of a file: nothing follows it there."""


class AuditEvent(Struct, frozen=True, omit_defaults=True):
    """One operation, refused or not.

    action: what was asked for, as a dotted name of ours, e.g. keys.create.
    code: of the refusal or failure, empty where all went well. status: of HTTP, 0 elsewhere.
    key_id: public part of the key. owner: whose it is. address: of the client.
    agent: what the client calls itself. resource: the path, the channel or the verb.
    params: what was asked with; values are redacted and cut when they are written.
    latency_us: until it was answered. bytes: how many were answered.
    """

    action: str
    surface: Surface
    outcome: Outcome
    code: str = ""
    status: int = 0
    key_id: str = ""
    owner: str = ""
    address: str = ""
    agent: str = ""
    resource: str = ""
    params: dict[str, str] = {}
    latency_us: int = 0
    bytes: int = 0
    request_id: str = ""
