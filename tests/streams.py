"""Which tests stay together, one after the other, where a run is shared by several processes.

What waits for real time, real servers or real processes does so in two long streams, each as it is
in a run by one process: so no more than two things at once happen to the machine, and a server is
started once. All other files go one by one to whichever process has nothing else to do.
"""

from typing import Final

from xdist.scheduler import LoadScopeScheduling

_STREAMS: Final = {
    "e2e": "processes",
    "clients": "processes",
    "cluster": "processes",
    "faults": "processes",
    "observability": "processes",
    "contract": "servers",
    "deploy": "servers",
    "outages": "servers",
    "servers": "servers",
    "tls": "servers",
    "abuse": "processes",
}


class Streams(LoadScopeScheduling):
    """Gives the streams away first, because they are the longest."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return _STREAMS.get(file.split("/")[1], file)
