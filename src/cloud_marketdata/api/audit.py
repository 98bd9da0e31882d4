"""The audit log as it is asked for: what is on this machine's disk, in pages by keyset.

It tells of one data folder, and says so; other machines have theirs. Nothing is verified here: that
takes the key of the log, and is `marketdata audit verify`.
"""

import asyncio
from pathlib import Path
from socket import gethostname
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from cloud_marketdata.api import cursors
from cloud_marketdata.api.cursors import Cursor
from cloud_marketdata.api.envelope import RangeOut, Wire
from cloud_marketdata.api.errors import problems
from cloud_marketdata.api.questions import End, PageCursor, Start, bounded
from cloud_marketdata.api.rest import encoded
from cloud_marketdata.api.times import TimeRange, asked_range
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import BadRequestError, LimitError
from cloud_marketdata.domain.values import NS_PER_MS
from cloud_marketdata.security.audit.event import OUTCOMES, SURFACES
from cloud_marketdata.security.audit.line import Line
from cloud_marketdata.security.audit.reading import Found, Key, Reader, Wanted, key_of

MOST_EVENTS: Final = 1000
_AT_ONCE: Final = 2
"""Readings of the disk that go on beside each other; others wait for their turn."""


class AuditParams(BaseModel):
    """Events of a range, in pages; a filter that is given must be met exactly."""

    # A misspelt parameter would otherwise be answered as if it had not been given.
    model_config = ConfigDict(extra="forbid", frozen=True)

    start: Start = None
    end: End = None
    action: Annotated[str | None, Field(description="What was asked for")] = None
    outcome: Annotated[
        str | None, Field(json_schema_extra={"enum": [*OUTCOMES, None]}, description="How it ended")
    ] = None
    owner: Annotated[str | None, Field(description="Whose key it was")] = None
    key_id: Annotated[str | None, Field(description="Public part of the key")] = None
    surface: Annotated[
        str | None, Field(json_schema_extra={"enum": [*SURFACES, None]}, description="Where")
    ] = None
    limit: Annotated[int, bounded(1, MOST_EVENTS)] = 100
    cursor: PageCursor = None


class AuditEventOut(Wire):
    """One operation; texts are as they were written: redacted, and cut at 256 characters."""

    time: int
    writer: str = Field(
        description="Who wrote it down: one run of one process, or cli-… for all commands"
    )
    seq: int = Field(description="Its number in the writer's chain")
    action: str
    surface: Literal["rest", "ws", "mcp", "cli", "system"]
    outcome: Literal["ok", "refused", "failed"]
    code: str = Field(description="Of the refusal or failure; empty where all went well")
    status: int = Field(description="Of HTTP, or the exit code of a command")
    key_id: str
    owner: str
    address: str
    agent: str
    resource: str
    params: dict[str, str]
    latency_us: int
    bytes: int
    request_id: str

    @classmethod
    def of(cls, line: Line) -> "AuditEventOut":
        """Write a line."""
        told = {name: getattr(line, name) for name in cls.model_fields if name != "time"}
        return cls(time=line.ts // NS_PER_MS, **told)


class AuditEvents(Wire):
    """Events ascend by time, and those of one time by writer and number."""

    events: list[AuditEventOut]


class AuditCovers(Wire):
    """What was looked at: the files of one data folder, and nothing of other machines."""

    machine: str
    writers: int
    files: int = Field(description="How many of their files were read for this page")
    unreadable: int = Field(description="Lines that are none; `marketdata audit verify` names them")
    verified: Literal[False] = Field(default=False, description="That takes the key of the log")


class AuditMeta(Wire):
    """What a reader must know beside the events."""

    covers: AuditCovers
    range: RangeOut
    next_cursor: str | None


class AuditAnswer(Wire):
    """Answer of /v1/audit."""

    data: AuditEvents
    meta: AuditMeta


class AuditDesk:
    """Answers about the log in one folder."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._reader = Reader(folder)
        self._clock = clock
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def events(self, asked: AuditParams) -> AuditAnswer:
        """Return a page; raises BadTimeError, BadRequestError, LimitError or BadCursorError."""
        if not 1 <= asked.limit <= MOST_EVENTS:
            msg = f"limit must be 1 to {MOST_EVENTS}"
            raise LimitError(msg)
        filters = _filters(asked)
        identity = "|".join(("audit", *filters))
        place, after = self._place(asked, identity)
        wanted = Wanted(*place, *filters)
        async with self._turns:
            found = await asyncio.to_thread(self._reader.page, wanted, asked.limit, after)
        return AuditAnswer(
            data=AuditEvents(events=[AuditEventOut.of(line) for line in found.lines]),
            meta=_meta(found, place, identity),
        )

    def _place(self, asked: AuditParams, identity: str) -> tuple[TimeRange, Key | None]:
        """Return the range, and the line behind which to go on."""
        if asked.cursor is None:
            return asked_range(asked.start, asked.end, self._clock.now()), None
        found = cursors.decode(asked.cursor, identity)
        end = found.time if found.end is None else found.end
        return TimeRange(found.sequence, max(found.sequence, end)), (found.time, found.name)


def build_audit(folder: Path, clock: Clock) -> APIRouter:
    """Return the route over the log in a folder, `data_dir/audit`."""
    router = APIRouter(responses=problems(400, 422, 500, 503))
    desk = AuditDesk(folder, clock)

    @router.get("/v1/audit", response_model=AuditAnswer)
    async def get_audit(asked: Annotated[AuditParams, Query()]) -> Response:
        """Return what was done here and by whom, by default within the last hour."""
        return encoded(await desk.events(asked))

    return router


def _filters(asked: AuditParams) -> tuple[str, ...]:
    for name, known in (("outcome", OUTCOMES), ("surface", SURFACES)):
        given = getattr(asked, name)
        if given is not None and given not in known:
            msg = f"{name}: there is no {given[:40]!r}; there is {', '.join(known)}"
            raise BadRequestError(msg)
    given = (asked.action, asked.outcome, asked.owner, asked.key_id, asked.surface)
    return tuple(each or "" for each in given)


def _meta(found: Found, place: TimeRange, identity: str) -> AuditMeta:
    # The cursor carries the start too, so that every page tells the range it is a part of.
    cursor = None
    if found.more:
        ts, name = key_of(found.lines[-1])
        cursor = cursors.encode(Cursor(identity, place.end, ts, place.start, name))
    covers = AuditCovers(
        machine=gethostname(),
        writers=found.writers,
        files=found.files,
        unreadable=found.unreadable,
    )
    answered = RangeOut(start=place.start // NS_PER_MS, end=-(-place.end // NS_PER_MS))
    return AuditMeta(covers=covers, range=answered, next_cursor=cursor)
