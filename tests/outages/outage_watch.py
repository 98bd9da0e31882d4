"""Asks a running service how it is, and all its questions in turn, and notes every answer."""

from collections import Counter
from collections.abc import Callable, Mapping
from threading import Event, Thread
from typing import Any, Final, NamedTuple, Self

import httpx2

from cloud_marketdata.core.clock import SystemClock

_EVERY_S: Final = 0.25
_PATIENCE_S: Final = 30.0
_DEAF: Final = "no answer"


class Beat(NamedTuple):
    """One answer of /health.

    asked: when, in s of a monotonic clock. bad: the components that were not well, with their
    states. entries: what waited in the journal, as far as the process that answers has one.
    """

    asked: float
    code: int
    status: str
    bad: tuple[str, ...]
    entries: int
    detail: Mapping[str, Any]


class Answer(NamedTuple):
    """What a question was answered with, and how long that took."""

    question: str
    asked: float
    took_s: float
    word: str


class Watch:
    """Two threads, one for /health and one for the questions; a context manager around them."""

    def __init__(self, url: str, questions: Mapping[str, str]) -> None:
        self.beats: list[Beat] = []
        self.answers: list[Answer] = []
        self.clock = SystemClock()
        self._url = url
        self.questions = questions
        self._over = Event()
        self._threads = [Thread(target=self._feel), Thread(target=self._ask)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def between(self, begin: float, end: float) -> list[Beat]:
        """Return the answers of /health that were asked for in a time."""
        return [beat for beat in self.beats if begin <= beat.asked < end]

    def answered(self, begin: float, end: float) -> dict[str, Counter[str]]:
        """Return how often each question was answered with what, of those asked in a time."""
        found: dict[str, Counter[str]] = {name: Counter() for name in self.questions}
        for answer in self.answers:
            if begin <= answer.asked < end:
                found[answer.question][answer.word] += 1
        return found

    def slowest(self, begin: float, end: float) -> float:
        """Return the longest time that an answer took, in s."""
        took = (answer.took_s for answer in self.answers if begin <= answer.asked < end)
        return max(took, default=0.0)

    def _feel(self) -> None:
        with httpx2.Client(trust_env=False, timeout=_PATIENCE_S) as client:
            while not self._over.wait(_EVERY_S):
                asked = self.clock.monotonic()
                self.beats.append(_felt(asked, lambda: client.get(f"{self._url}/health")))

    def _ask(self) -> None:
        with httpx2.Client(trust_env=False, timeout=_PATIENCE_S) as client:
            while not self._over.is_set():
                for name, path in self.questions.items():
                    asked = self.clock.monotonic()
                    word = _word(lambda: client.get(self._url + path))  # noqa: B023  called now
                    took = self.clock.monotonic() - asked
                    self.answers.append(Answer(name, asked, took, word))
                    self._over.wait(_EVERY_S)


def _felt(asked: float, get: Callable[[], httpx2.Response]) -> Beat:
    try:
        answer = get()
    except httpx2.HTTPError:
        return Beat(asked, 0, _DEAF, (), 0, {})
    told = answer.json()
    if "storage" not in told:
        return Beat(asked, answer.status_code, f"no health but {told['code']}", (), 0, {})
    components = told["detail"]["components"]
    detail = {one["name"]: one["detail"] for one in components}
    holds = bool(detail.get("workers", {}).get("holding"))
    bad = tuple(f"{one['name']} {one['state']}" for one in components if not one["ok"])
    bad += ("workers holding",) if holds else ()
    entries = detail.get("journal", {}).get("entries", 0)
    return Beat(asked, answer.status_code, told["status"], bad, entries, detail)


def _word(get: Callable[[], httpx2.Response]) -> str:
    try:
        answer = get()
    except httpx2.HTTPError:
        return _DEAF
    if answer.is_success:
        return str(answer.status_code)
    return f"{answer.status_code} {answer.json().get('code', '')}".strip()
