"""One computation per question at a time: whoever asks the same meanwhile shares the next one.

Nobody is given an answer whose reading began before he asked, so sharing is never seen; a thousand
askers of one thing cost two computations. A failure is shared as well: a store that is away would
otherwise be waited for by one asker after the other.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from itertools import count
from typing import Generic, TypeVar

T = TypeVar("T")


class _Round(Generic[T]):
    """The askers of one key: how many there are, and the newest outcome with its beginning."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.askers = 0
        self.began = -1
        self.outcome: asyncio.Future[T] | None = None


class Together(Generic[T]):
    """Asks for many; `shared` counts the askers who were spared a computation of their own."""

    def __init__(self) -> None:
        self.shared = 0
        self._rounds: dict[Hashable, _Round[T]] = {}
        self._ticks = count()

    async def of(self, key: Hashable, ask: Callable[[], Awaitable[T]]) -> T:
        """Return what `ask` returns or raise what it raises, by this call or by another's."""
        this = self._rounds.setdefault(key, _Round())
        this.askers += 1
        came = next(self._ticks)
        try:
            async with this.turn:
                if this.outcome is not None and this.began > came:
                    self.shared += 1
                    return this.outcome.result()
                began = next(self._ticks)
                # Cancelled in here, it leaves no outcome, and the next in turn asks for himself.
                this.outcome, this.began = await _outcome(ask), began
                return this.outcome.result()
        finally:
            this.askers -= 1
            if not this.askers:
                del self._rounds[key]


async def _outcome(ask: Callable[[], Awaitable[T]]) -> "asyncio.Future[T]":
    outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    try:
        outcome.set_result(await ask())
    except Exception as error:  # noqa: BLE001  it is raised by whoever asks for the result
        outcome.set_exception(error)
    return outcome
