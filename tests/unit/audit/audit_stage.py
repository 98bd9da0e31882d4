"""Chains as a writer leaves them, written in an instant, and a clock that the test moves."""

import asyncio
from pathlib import Path

from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.security.audit.anchor import Anchor
from cloud_marketdata.security.audit.chain import Head
from cloud_marketdata.security.audit.event import AuditEvent
from cloud_marketdata.security.audit.faults import Report
from cloud_marketdata.security.audit.pen import Pen, Plan
from cloud_marketdata.security.audit.verify import verify

KEY = b"a key that nobody guesses, 32 bytes"
NOW = 1_795_450_000 * NS_PER_S


class StageClock:
    """Short sleeps are a turn of the loop; long ones last until the test moves the clock."""

    def __init__(self, now: int = NOW) -> None:
        self.time = now
        self._moved = asyncio.Event()

    def now(self) -> int:
        """Nanoseconds."""
        return self.time

    def monotonic(self) -> float:
        """Seconds."""
        return self.time / NS_PER_S

    async def sleep(self, seconds: float) -> None:
        """Sleep; see the class."""
        end = self.time + round(seconds * NS_PER_S)
        await asyncio.sleep(0)
        while seconds > 2 and self.time < end:
            await self._moved.wait()

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.time += round(seconds * NS_PER_S)
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()


def settings_of(folder: Path, **given: object) -> Settings:
    """Return settings of a deployment in a folder, with the key of the stage."""
    return Settings(data_dir=folder, audit_key=KEY.decode(), **given)


def event(number: int = 0, **given: object) -> AuditEvent:
    """Return an event like those of REST."""
    fields = {"status": 200, "owner": "ada", "params": {"n": str(number)}, **given}
    return AuditEvent("market.trades", "rest", "ok", **fields)


def written(
    folder: Path, writer: str = "serve-a-1-1", *, events: int = 20, files: int = 3
) -> tuple[list[Path], Head]:
    """Write a chain of some files, all of them closed; return these and the chain's head."""
    pen = Pen(Plan(folder, writer, KEY, {"host": "a"}, 1 << 30))
    pen.claim(NOW)
    per_file = -(-events // files)
    for number in range(events):
        pen.add([(NOW + number, event(number))])
        pen.flush(NOW + number)
        if (number + 1) % per_file == 0:
            pen.close(NOW + number, "size")
    pen.close(NOW + events, "stop")
    pen.release()
    return list(pen.closed), pen.head


def anchored(objects, writer: str, head: Head) -> None:
    """Put an anchor into the cold tier."""
    anchor = Anchor.of(writer, head)
    asyncio.run(objects.put(anchor.key, anchor.sealed(NOW, KEY)))


def verified(folder: Path, objects=None, keys=(KEY,)) -> Report:
    """Verify a folder."""
    return asyncio.run(verify(folder, objects, list(keys)))


def lines_of(path: Path) -> list[bytes]:
    """Return the lines of a file, each with its newline."""
    return path.read_bytes().splitlines(keepends=True)
