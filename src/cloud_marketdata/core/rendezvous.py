"""Who of the living does what: rendezvous hashing, which everybody computes alike and asks nobody.

Each pair of a piece of work and a member has a weight of its own, and the heaviest members have the
work. A member that comes takes only what is its own now, and of one that goes only its work moves.
"""

from collections.abc import Iterable
from hashlib import blake2b


def ranked(work: str, members: Iterable[str]) -> list[str]:
    """Return the members in the order in which the work is theirs, the first one first."""
    return sorted(set(members), key=lambda member: _weight(work, member), reverse=True)


def _weight(work: str, member: str) -> tuple[bytes, str]:
    # The length goes in front, so that no two pairs are one text.
    text = f"{len(work)}:{work}:{member}".encode()
    return blake2b(text, digest_size=8).digest(), member
