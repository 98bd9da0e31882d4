"""A venue's REST that the test holds: rows by id or the newest ones, errors when told to."""

import asyncio
from collections.abc import Callable, Iterable
from urllib.parse import parse_qs, urlsplit

import msgspec

from cloud_marketdata.collectors.base import Ask
from cloud_marketdata.collectors.tapes.backfill import Backfill
from cloud_marketdata.collectors.tapes.tape import Tapes
from cloud_marketdata.core.errors import VenueError
from cloud_marketdata.domain.events import LogEvent, StatusEvent, TradeEvent
from cloud_marketdata.storage.ports import Batch


class IdRest:
    """Serves rows from `fromId` on, like Binance."""

    def __init__(self, rows: Iterable[dict], *, key: str = "a") -> None:
        self.rows = {row[key]: row for row in rows}
        self.asked: list[str] = []
        self.errors: list[Exception] = []
        self.answer: bytes | None = None

    async def get(self, ask: Ask) -> bytes:
        """See Rest."""
        self.asked.append(ask.path)
        await asyncio.sleep(0)
        if self.errors:
            raise self.errors.pop(0)
        if self.answer is not None:
            return self.answer
        query = parse_qs(urlsplit(ask.path).query)
        first, limit = int(query["fromId"][0]), int(query["limit"][0])
        found = [self.rows[number] for number in sorted(self.rows) if number >= first]
        return msgspec.json.encode(found[:limit])


class NewestRest:
    """Serves the newest rows, like Bybit; `rows` are newest first."""

    def __init__(self, rows: Iterable[dict]) -> None:
        self.rows = list(rows)
        self.asked: list[str] = []
        self.refusal: dict | None = None

    async def get(self, ask: Ask) -> bytes:
        """See Rest."""
        self.asked.append(ask.path)
        await asyncio.sleep(0)
        limit = int(parse_qs(urlsplit(ask.path).query)["limit"][0])
        reply = {"retCode": 0, "retMsg": "OK", "result": {"list": self.rows[:limit]}}
        return msgspec.json.encode(self.refusal or reply)


class Log:
    """A sink that keeps every submission apart, and is full for as long as `full` says."""

    def __init__(self) -> None:
        self.submissions: list[list[Batch]] = []
        self.refined: list = []
        self.full = False
        self.resume: Callable[[], None] | None = None

    def submit(self, batches, views=(), refined=()) -> None:
        """See Sink."""
        assert not list(views)
        self.submissions.append(list(batches))
        self.refined += refined

    def when_full(self, pause, resume) -> None:
        """See Sink."""
        if self.full:
            pause()
            self.resume = resume

    @property
    def trades(self) -> list[TradeEvent]:
        """All trades in the order of their submission."""
        return [event for event in self._events() if isinstance(event, TradeEvent)]

    @property
    def facts(self) -> list[tuple[str, dict]]:
        """All facts with their details."""
        found = [event for event in self._events() if isinstance(event, StatusEvent)]
        return [(fact.kind.value, fact.detail) for fact in found]

    def _events(self) -> list[LogEvent]:
        return [event for sent in self.submissions for batch in sent for event in batch.events]


async def ran(backfill: Backfill, until: Callable[[], bool], turns: int = 2_000) -> None:
    """Let it run until something is true; fails where it never is."""
    async with asyncio.TaskGroup() as group:
        running = group.create_task(backfill.run())
        for _ in range(turns):
            if until() or running.done():
                break
            await asyncio.sleep(0)
        running.cancel()
    assert until()


def away() -> VenueError:
    """Return what a venue that is not there raises."""
    return VenueError("GET: connection refused")


def agg_row(number: int, **changed: object) -> dict:
    """Return a row of aggTrades."""
    row = {"a": number, "p": "61800.30", "q": "0.006", "f": number, "l": number, "m": False}
    return row | {"T": 1_723_161_255_000 + number, "M": True} | changed


def tape_with_gaps(tapes: Tapes, events: Iterable[TradeEvent]) -> list:
    """Admit the trades as a stream would, and return the gaps that they reveal."""
    events = list(events)
    tape = tapes[events[0].instrument.symbol]
    return [gap for event in events if (gap := tape.admit(event).gap)]
