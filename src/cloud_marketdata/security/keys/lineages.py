"""Keys as lineages: who stands before and behind a key, and what would follow it.

What is found here may be old a moment later. It does not matter: a change that builds on it carries
the revisions it has seen, and is not done where one of them has moved.
"""

from random import Random
from typing import NamedTuple

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.security.keys.errors import UnknownKeyError
from cloud_marketdata.security.keys.form import Key, mint
from cloud_marketdata.security.keys.lifecycle import (
    Fresh,
    Line,
    Terms,
    dated,
    is_valid,
    succession,
)
from cloud_marketdata.security.keys.peppers import Peppers
from cloud_marketdata.security.keys.wishes import NewKey
from cloud_marketdata.storage.security_ports import KeyRecord, KeyRepository


class Minted(NamedTuple):
    """A new key: what is stored of it, and its text, which is told once and never again."""

    record: KeyRecord
    key: str

    def __repr__(self) -> str:
        return f"Minted({self.record.id}, {self.record.owner!r})"


class Proposal(NamedTuple):
    """A key that is one as soon as these records are stored, all or none."""

    minted: Minted
    records: list[KeyRecord]

    def __repr__(self) -> str:
        return f"Proposal({self.minted!r})"


class Lineages:
    """Finds lines and proposes what follows; stores nothing."""

    def __init__(
        self,
        repository: KeyRepository,
        peppers: Peppers,
        clock: Clock,
        random: Random,
        settings: Settings,
    ) -> None:
        self._repository = repository
        self._peppers = peppers
        self._clock = clock
        self._random = random
        self._terms = Terms.of(settings)

    async def line(self, key_id: str) -> Line:
        """Return a key with its elder and its heir; raises UnknownKeyError, StorageError."""
        found = [line for line in await self.lines() if line.key.id == key_id]
        if not found:
            msg = f"there is no key {key_id!r}"
            raise UnknownKeyError(msg)
        return found[0]

    async def lines(self) -> list[Line]:
        """Return every key so, by creation and id; raises StorageError."""
        records, now = await self._repository.all(), self._clock.now()
        by_id = {one.id: one for one in records}
        elders = {one.replaced_by: one for one in records if is_valid(one, now)}
        return [Line(one, elders.get(one.id), by_id.get(one.replaced_by)) for one in records]

    def first(self, wish: NewKey) -> Proposal:
        """Propose the first key of a lineage; raises SettingsError as `next` does."""
        key, fresh = self._mint()
        record = dated(_founder(wish, fresh), self._clock.now(), self._terms)
        return Proposal(Minted(record, key.text), [record])

    def next(self, line: Line) -> Proposal:
        """Propose a successor of `line.key`; raises SettingsError where no pepper is known."""
        key, fresh = self._mint()
        records = succession(line, fresh, self._clock.now(), self._terms)
        return Proposal(Minted(records[0], key.text), records)

    def _mint(self) -> tuple[Key, Fresh]:
        key = mint(self._random)
        return key, self._peppers.hashed(key)


def _founder(wish: NewKey, fresh: Fresh) -> KeyRecord:
    return KeyRecord(
        **fresh._asdict(),
        lineage=fresh.id,
        generation=0,
        revision=0,
        owner=wish.owner,
        scopes=wish.scopes,
        networks=wish.networks,
        per_minute=wish.per_minute,
        sink=wish.sink,
        created_at=0,
        rotate_at=0,
        retires_at=0,
        ends_at=0,
    )
