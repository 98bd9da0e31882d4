"""Under which names the service may be called: a page must not reach it by a name of its own.

A name that a stranger's DNS answers with our address (rebinding) would make his page ours in the
eyes of a browser. Where keys are asked for and no names are set, REST takes any name, because the
key that is needed is not in any page; MCP never does, as its specification demands.
"""

import re
from typing import Final

from cloud_marketdata.api.edge.asked import Asked
from cloud_marketdata.core.config import Settings, is_loopback
from cloud_marketdata.security.refusals import HostRefusedError

_FORM: Final = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::[0-9]{1,5})?")


class Hosts:
    """The names of this service."""

    def __init__(self, settings: Settings) -> None:
        self._named = frozenset(name.lower() for name in settings.allowed_hosts)
        self._any = settings.asks_for_keys and not self._named

    def check(self, asked: Asked, server: str, *, always: bool) -> None:
        """Refuse a request that names another host, or not exactly one; `server` is the socket's.

        `always`: also where any name would do. Raises HostRefusedError.
        """
        given = asked.all(b"host")
        host = given[0].lower() if len(given) == 1 else ""
        form = _FORM.fullmatch(host)
        if form is None:
            msg = "the request names no host, or more than one"
            raise HostRefusedError(msg)
        if self._any and not always:
            return
        name = form[1].strip("[]")
        if not (self._named & {host, form[1]} or name == server.lower() or is_loopback(name)):
            msg = "the request is meant for another host; allowed_hosts names those that are ours"
            raise HostRefusedError(msg)
