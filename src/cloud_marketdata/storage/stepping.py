"""Brings a store that several processes share to this program's version, step by step, by one.

A server's own store has no transaction around such a step, so who takes one has the store's claim
and keeps it meanwhile; the others wait, and refuse to start where it takes too long. A process that
dies in a step leaves the version as it was, and the next one begins that step again: a step must
stand being taken twice, and being read over by programs of the version before.
"""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple, Protocol

from cloud_marketdata.core.beside import beside
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import StorageError

Step = Callable[[], Awaitable[None]]


class Ladder(NamedTuple):
    """The version that a program reads, and by version what brings a store of it to the next."""

    version: int
    steps: Mapping[int, Step] = {}


class Mark(Protocol):
    """Where a store keeps its version, and who may change it; `name` is how errors call it."""

    name: str

    async def read(self) -> object:
        """Return the version."""
        ...

    async def claim(self, holder: str, seconds: float) -> bool:
        """Take or keep the right to change the version; False while another has it."""
        ...

    async def raise_to(self, version: int, holder: str) -> bool:
        """Write the version and end the claim, both at once; False where another has claimed."""
        ...

    async def release(self, holder: str) -> None:
        """End the claim, where it is the holder's."""
        ...


HELD_S: Final = 30.0
"""How long a claim outlives a process that dies with it."""
_LOOK_S: Final = 0.5
_PATIENCE_S: Final = 120.0


async def climb(mark: Mark, ladder: Ladder, clock: Clock) -> None:
    """Return once the store is of the ladder's version.

    Raises StorageError, and changes nothing, for a version from which no steps lead there; also
    where another process is at it for two minutes.
    """
    until = clock.monotonic() + _PATIENCE_S
    holder = secrets.token_hex(8)
    while (found := await mark.read()) != ladder.version:
        _check(mark, ladder, found)
        if await mark.claim(holder, HELD_S):
            await _take_one(mark, ladder, holder, clock)
        elif clock.monotonic() > until:
            msg = f"{mark.name}: another process has not brought it to {ladder.version} yet"
            raise StorageError(msg)
        else:
            await clock.sleep(_LOOK_S)


async def _take_one(mark: Mark, ladder: Ladder, holder: str, clock: Clock) -> None:
    """Take the step from the version that is there now, under the claim that we have."""
    found = await mark.read()
    try:
        if isinstance(found, int) and found in ladder.steps:
            async with beside(_keep(mark, holder, clock)):
                await ladder.steps[found]()
            if not await mark.raise_to(found + 1, holder):
                msg = f"{mark.name}: another process began the step from version {found} again"
                raise StorageError(msg)
    finally:
        await mark.release(holder)


async def _keep(mark: Mark, holder: str, clock: Clock) -> None:
    while True:
        await clock.sleep(HELD_S / 3)
        await mark.claim(holder, HELD_S)


def _check(mark: Mark, ladder: Ladder, found: object) -> None:
    """Refuse a version from which no steps lead to the ladder's."""
    said = f"{mark.name} has schema version {found}, this program reads {ladder.version}"
    if not isinstance(found, int) or isinstance(found, bool):
        raise StorageError(said)
    if found > ladder.version:
        msg = f"{said}; run the newer program, see docs/upgrading.md"
        raise StorageError(msg)
    if not set(range(found, ladder.version)) <= ladder.steps.keys():
        msg = f"{said} and knows no step from there"
        raise StorageError(msg)
