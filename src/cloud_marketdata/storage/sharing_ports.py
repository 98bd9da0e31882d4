"""The contracts by which processes share work: who owns what, and who is there to own it.

Members say that they live; from the list of them everybody computes the same shares. A list may be
old by a moment, so two may think that something is theirs: only a lease decides, and its token.
"""

from collections.abc import Sequence
from typing import Protocol


class Leases(Protocol):
    """Who owns what for the moment, in every process of a deployment."""

    async def acquire(self, name: str, holder: str, seconds: float) -> int | None:
        """Take or keep the lease for `seconds` from now on; None where another holder has it.

        Returns the fencing token: higher than any that the name had under another holder or after a
        lapse, and the same while the holder keeps it in time.
        """
        ...

    async def acquire_each(
        self, names: Sequence[str], holder: str, seconds: float
    ) -> list[int | None]:
        """Take or keep many leases, each by itself, with as few questions as there are servers.

        Returns the token of each as `acquire` does, with one difference: who takes again what it
        let lapse gets the same token, if nobody had it meanwhile and it was not given back. So an
        equal token says that nobody else came between. Where it raises, some may be taken.
        """
        ...

    async def release(self, name: str, holder: str) -> None:
        """Give the lease back, if the holder has it."""
        ...


class Members(Protocol):
    """Which processes of a group live, in every process of a deployment."""

    async def beat(self, group: str, name: str, seconds: float) -> Sequence[str]:
        """Say that `name` lives for `seconds` from now on; return all who live, sorted.

        Who does not beat in time is left out, and in again with its next beat.
        """
        ...

    async def leave(self, group: str, name: str) -> None:
        """Say that `name` is gone; nothing happens where it was not there."""
        ...

    async def living(self, group: str) -> Sequence[str]:
        """Return all who live, sorted, without being one of them."""
        ...
