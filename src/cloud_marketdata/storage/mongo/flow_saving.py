"""One save of flow minutes and signals as a transaction, with the checkpoint of their maker.

The subject's document is changed first, so two savers of one subject collide there. To do it again
changes nothing: a document is replaced by one of the same or a higher revision only.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct
from pymongo import UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession

from cloud_marketdata.domain.flow import FlowMinute
from cloud_marketdata.domain.signal import Signal, Subject
from cloud_marketdata.storage.flow_ports import FlowChanges
from cloud_marketdata.storage.mongo.bodies import compressed
from cloud_marketdata.storage.mongo.market import change_market, keep_out
from cloud_marketdata.storage.mongo.names import Collections, Document, Documents, of_market
from cloud_marketdata.storage.packing.flow import pack_minute, pack_signal

FLOW_BLANK: Final[Mapping[str, Any]] = {
    "fence": 0,
    "known": False,
    "checkpoint": None,
    "began": None,
    "saves": 0,
}


class Seen(Struct, frozen=True):
    """What the document of a subject says."""

    checkpoint: bytes | None = None
    began: int | None = None


class FlowSave:
    """The work of one save, or of a claim; called inside a transaction, again where repeated."""

    def __init__(
        self, stored: Collections, subject: Subject, changes: FlowChanges | None, fence: int
    ) -> None:
        self._stored = stored
        self._subject = subject
        self._fence = fence
        self._fields: Document = {"fence": fence}
        self._began: int | None = None
        self._minutes: Sequence[UpdateOne] = ()
        self._signals: Sequence[UpdateOne] = ()
        if changes is not None:
            self._fields |= {"known": True, "checkpoint": compressed(changes.checkpoint)}
            self._began = min((minute.start for minute in changes.minutes), default=None)
            self._minutes = [_minute(subject, minute) for minute in changes.minutes]
            self._signals = signal_writes(subject, changes.signals)

    async def __call__(self, session: AsyncClientSession) -> Seen:
        """Store everything and return what was there; raises FencedError at a higher token."""
        key = of_market(*self._subject)
        found = await self._stored.flow_subjects.find_one(key, session=session) or FLOW_BLANK
        keep_out(self._subject, found["fence"], self._fence)
        seen = Seen(found["checkpoint"], found["began"])
        began = min((at for at in (seen.began, self._began) if at is not None), default=None)
        change = {"$set": {**self._fields, "began": began}}
        await change_market(self._stored.flow_subjects, self._subject, session, change)
        await _write(self._stored.flow_minutes, self._minutes, session)
        await _write(self._stored.signals, self._signals, session)
        return seen


def signal_writes(subject: Subject, signals: Sequence[Signal]) -> list[UpdateOne]:
    """Return the writes that store signals, none over one of a higher revision."""
    return [_signal(subject, signal) for signal in signals]


async def _write(
    documents: Documents, writes: Sequence[UpdateOne], session: AsyncClientSession
) -> None:
    if writes:
        await documents.bulk_write(writes, session=session)


def _minute(subject: Subject, minute: FlowMinute) -> UpdateOne:
    key = {**of_market(*subject), "start": minute.start}
    return _unless_newer(
        key, {"revision": minute.revision, "body": compressed(pack_minute(minute))}
    )


def _signal(subject: Subject, signal: Signal) -> UpdateOne:
    key = {**of_market(*subject), "id": signal.id}
    found = {"kind": signal.kind.value, "detected": signal.detected, "revision": signal.revision}
    return _unless_newer(key, {**found, "body": compressed(pack_signal(signal))})


def _unless_newer(key: Document, fields: Document) -> UpdateOne:
    """Return the write that stores the fields unless those of a higher revision are there."""
    replaced = {"$mergeObjects": ["$$ROOT", {"$literal": fields}]}
    chosen = {"$cond": [{"$gt": ["$revision", fields["revision"]]}, "$$ROOT", replaced]}
    return UpdateOne(key, [{"$replaceWith": chosen}], upsert=True)
