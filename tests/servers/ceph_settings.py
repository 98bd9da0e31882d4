"""The configuration of the smallest Ceph that serves S3: one monitor, one disk, one gateway."""

from pathlib import Path
from typing import Final

from servers.program import HOST

# No keys between the three programs, one copy of everything, and a monitor that decides at once.
_CLUSTER: Final = {
    "auth cluster required": "none",
    "auth service required": "none",
    "auth client required": "none",
    "public addr": HOST,
    "cluster addr": HOST,
    "mon allow pool size one": "true",
    "mon data avail crit": 1,
    "paxos propose interval": 0.02,
    "paxos min wait": 0.01,
    "osd pool default size": 1,
    "osd pool default pg num": 1,
    "osd pool default pg autoscale mode": "off",
    "log to stderr": "true",
    "err to stderr": "true",
    "admin socket": "",
}
_DISK: Final = {
    "bluestore block size": 4 << 30,
    "bluestore fsck on mkfs": "false",
    # Closing a disk waits this long for its thread, and a start closes it six times.
    "bdev aio poll ms": 10,
    "bluestore cache autotune": "false",
    "bluestore cache size": 64 << 20,
    "osd op num shards": 2,
    # A gateway that was killed is told of new buckets for this long before one may be made.
    "osd client watch timeout": 2,
}
_GATEWAY: Final = {"rgw thread pool size": 32, "rgw override bucket index max shards": 1}


def settings(folder: Path, fsid: str, monitor: int, gateway: int) -> str:
    """Return the text of ceph.conf: everything lies in `folder`, two ports of 127.0.0.1 are used.

    The sparse file of 4 GiB that stands for a disk takes as much room as is written to it.
    """
    places = {
        "fsid": fsid,
        # Without it a program that starts may ask the monitor too early and doubt the fsid.
        "monmap": folder / "monmap",
        "mon host": f"v1:{HOST}:{monitor}",
        "mon data": folder / "mon",
        "osd data": folder / "osd",
        "rgw data": folder / "rgw",
        "run dir": folder / "run",
        "crash dir": folder / "run",
        "keyring": folder / "keyring",
        "log file": "",
    }
    frontend = {"rgw frontends": f"beast endpoint={HOST}:{gateway} tcp_nodelay=1"}
    sections = {
        "global": {**_CLUSTER, **places},
        "osd": _DISK,
        "client.rgw": {**_GATEWAY, **frontend},
    }
    return "\n".join(_section(name, lines) for name, lines in sections.items())


def _section(name: str, lines: dict[str, object]) -> str:
    return "\n".join([f"[{name}]", *(f"{key} = {value}" for key, value in lines.items()), ""])
