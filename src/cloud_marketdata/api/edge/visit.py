"""What is known of one request while it is answered, and written to the audit log at its end.

The edge makes it and leaves it in the ASGI scope; inner layers refine it, such as MCP, which knows
the tool behind a request.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

from msgspec import Struct

from cloud_marketdata.security.audit.event import Outcome, Surface
from cloud_marketdata.security.gate import Knock
from cloud_marketdata.security.identity import NOBODY, Identity
from cloud_marketdata.security.limits.counted import Counted

VISIT: Final = "cloud_marketdata.visit"


class Visit(Struct):
    """One request.

    action: method and template of its route, or what an inner layer found it to be.
    resource: its path as it came, cut.
    key: what was shown as a key, or None. local: whether it certainly comes from this machine.
    origin: the foreign origin of the page that asks, where the settings allow it; else empty.
    counted: the limits it was counted against, the address's first.
    code: of the problem that it was answered with, or empty.
    outcome: ok, refused or failed where an inner layer knows better than the status; else empty.
    """

    request_id: str
    surface: Surface
    action: str = ""
    resource: str = ""
    address: str = ""
    local: bool = False
    agent: str = ""
    key: str | None = None
    origin: str = ""
    identity: Identity = NOBODY
    counted: tuple[Counted, ...] = ()
    params: dict[str, str] = {}
    code: str = ""
    outcome: Outcome | Literal[""] = ""

    @property
    def knock(self) -> Knock:
        """Who stands at the door, for the gate."""
        return Knock(self.address, self.local, self.key)


def visit_of(scope: Mapping[str, Any]) -> Visit:
    """Return the visit of a request; there is one for everything that has passed the edge."""
    visit: Visit = scope[VISIT]
    return visit
