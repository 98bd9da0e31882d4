"""Many askers of one thing at once: requests a second, by wrk or, without it, by a client of ours.

wrk is a package of most systems (`apt-get install wrk`). Ours is written in Python and takes more
of the machine than wrk, so its rates are lower; the result says which of them it was.
"""

import asyncio
import re
import shutil
import subprocess
from time import perf_counter
from typing import Final, NamedTuple

from cloud_marketdata.bench.answers.spent import cpu_s
from cloud_marketdata.core.errors import BadRequestError

CONNECTIONS: Final = 64
_RATE: Final = re.compile(r"Requests/sec:\s+([\d.]+)")
_FAILED: Final = re.compile(r"Non-2xx or 3xx responses: (\d+)")
_GRACE_S: Final = 30


class Rate(NamedTuple):
    """Requests a second, and a second of the server's CPU; None where the system does not tell."""

    client: str
    requests_per_s: int
    requests_per_cpu_s: int | None


def rate(port: int, pid: int, path: str, seconds: int) -> Rate:
    """Ask for a path from `CONNECTIONS` connections; raises BadRequestError on a refusal."""
    wrk = shutil.which("wrk")
    before, began = cpu_s(pid), perf_counter()
    if wrk:
        per_s = _by_wrk(wrk, f"http://127.0.0.1:{port}{path}", seconds)
    else:
        per_s = asyncio.run(_by_ours(port, path, seconds))
    spent = cpu_s(pid) - before
    asked = per_s * (perf_counter() - began)
    per_cpu_s = round(asked / spent) if spent else None
    return Rate("wrk" if wrk else "asyncio", round(per_s), per_cpu_s)


def _by_wrk(wrk: str, url: str, seconds: int) -> float:
    command = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", url]
    told = subprocess.run(  # noqa: S603  our own arguments
        command, capture_output=True, text=True, timeout=seconds + _GRACE_S, check=True
    ).stdout
    found = _RATE.search(told)
    if found is None or _FAILED.search(told):
        msg = f"wrk did not get answers: {told[-300:]}"
        raise BadRequestError(msg)
    return float(found[1])


async def _by_ours(port: int, path: str, seconds: int) -> float:
    until = perf_counter() + seconds
    counts: list[int] = []

    async def ask() -> None:
        counts.append(await _asked_until(until, port, path))

    async with asyncio.TaskGroup() as askers:
        for _ in range(CONNECTIONS):
            askers.create_task(ask())
    return sum(counts) / seconds


async def _asked_until(until: float, port: int, path: str) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    count = 0
    while perf_counter() < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            msg = f"{path}: {head[:80]!r}"
            raise BadRequestError(msg)
        length = re.search(rb"(?i)content-length: (\d+)", head)
        await reader.readexactly(int(length[1]) if length else 0)
        count += 1
    writer.close()
    return count
