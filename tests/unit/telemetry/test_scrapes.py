"""What is exposed is what was measured, as Prometheus' own parsers read it."""

import asyncio
import math

import pytest
from anyio import run_process
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics_parser
from telemetric import Moved

from cloud_marketdata.core.telemetry.catalogue import (
    HTTP_REQUESTS,
    HTTP_SECONDS,
    LOOP_LAG,
    METRICS,
    REJECTIONS,
    WORKERS,
)
from cloud_marketdata.core.telemetry.exposition import Exposition
from cloud_marketdata.core.telemetry.figures import KEPT_S, Figures
from cloud_marketdata.core.telemetry.formats import CONTENT_TYPES
from cloud_marketdata.core.telemetry.histogram import BOUNDS, Histogram
from cloud_marketdata.core.telemetry.metric import Sample

pytestmark = pytest.mark.anyio
PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


class Part:
    """A part with these figures."""

    def __init__(self, *samples: Sample) -> None:
        self.samples = samples
        self.asked = 0

    def measures(self) -> tuple[Sample, ...]:
        """Tell them."""
        self.asked += 1
        return self.samples


def exposition(part: Part, clock: Moved | None = None) -> Exposition:
    clock = clock or Moved()
    return Exposition(Figures([part], 50, clock), clock)


def read(body: bytes, accept: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return what Prometheus' own parser reads, by name and labels."""
    reader = openmetrics_parser if accept.startswith("application") else parser
    families = reader.text_string_to_metric_families(body.decode())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def histogram(*seconds: float) -> Histogram:
    made = Histogram()
    for one in seconds:
        made.observe(one)
    return made


FORMATS = ["", PROMETHEUS, "application/openmetrics-text;version=1.0.0"]
values = st.dictionaries(
    st.tuples(st.text(max_size=5), st.text(max_size=5)), st.integers(0, 10**12), max_size=8
)


@pytest.mark.parametrize("accept", FORMATS)
@given(counts=values)
async def test_counters_are_read_as_they_were_told(accept, counts):
    part = Part(*(REJECTIONS.of(count, *labels) for labels, count in counts.items()))
    body = (await exposition(part).text(accept)).body
    told = read(body, accept)
    name = "cmd_rejections_total"
    assert told == {
        (name, frozenset({("venue", venue), ("reason", reason)})): count
        for (venue, reason), count in counts.items()
    }


@pytest.mark.parametrize("accept", FORMATS)
@given(took=st.dictionaries(st.sampled_from("abcd"), st.lists(st.floats(0, 100)), max_size=4))
async def test_histograms_are_read_with_every_bucket(accept, took):
    part = Part(*(HTTP_SECONDS.of(histogram(*all_of), f"/{r}") for r, all_of in took.items()))
    told = read((await exposition(part).text(accept)).body, accept)
    name = "cmd_http_request_duration_seconds"
    for route, durations in took.items():
        label = ("route", f"/{route}")
        assert told[f"{name}_count", frozenset({label})] == len(durations)
        assert told[f"{name}_sum", frozenset({label})] == pytest.approx(sum(durations))
        edges = {
            float(dict(labels)["le"]): value
            for (sample, labels), value in told.items()
            if sample == f"{name}_bucket" and label in labels
        }
        assert edges == {edge: sum(one <= edge for one in durations) for edge in edges}
        assert math.inf in edges
    assert len(told) == (len(BOUNDS) + 3) * len(took)


async def test_a_large_family_is_described_once_and_checked_by_prometheus_itself():
    requests = [
        HTTP_REQUESTS.of(at, f"/{at % 20}", "GET", str(at // 20 + 200)) for at in range(400)
    ]
    took = [HTTP_SECONDS.of(histogram(0.01 * at), f"/{at}") for at in range(20)]
    body = (await exposition(Part(*requests, *took)).text("")).body
    assert body.count(b"# TYPE") == body.count(b"# HELP") == 2
    checked = await run_process(["promtool", "check", "metrics"], input=body, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


async def test_openmetrics_ends_once():
    body = (await exposition(Part(WORKERS.of(1))).text(PROMETHEUS)).body
    assert body.count(b"# EOF") == 1
    assert body.endswith(b"# EOF\n")


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/html", "text/plain; version=0.0.4; charset=utf-8"),
        (
            PROMETHEUS,
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
        ),
        (
            "text/plain;version=1.0.0",
            "text/plain; version=1.0.0; charset=utf-8; escaping=underscores",
        ),
        # What the library would echo, or fail at.
        ("application/openmetrics-text;version=9.9.9", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text;version=x", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain;version=1.x", "text/plain; version=0.0.4; charset=utf-8"),
    ],
)
async def test_the_format_is_chosen_by_what_is_accepted(accept, content_type):
    assert (await exposition(Part()).text(accept)).content_type == content_type


@given(
    st.text(max_size=60) | st.from_regex(r"text/plain;version=\S*|application/openmetrics-text;.*")
)
async def test_whatever_is_accepted_is_answered_in_a_known_format(accept):
    assert (await exposition(Part()).text(accept)).content_type in CONTENT_TYPES


async def test_who_scrapes_in_the_same_second_gets_the_same_text_and_nobody_is_asked_twice():
    part, clock = Part(WORKERS.of(1)), Moved()
    told = exposition(part, clock)
    texts = await asyncio.gather(*(told.text("") for _ in range(20)))
    assert (len(set(texts)), part.asked) == (1, 1)
    await told.text(PROMETHEUS)
    assert part.asked == 1
    clock.at += KEPT_S
    part.samples = (WORKERS.of(2),)
    assert (await told.text("")) != texts[0]
    assert part.asked == 2


class Passing(Moved):
    """A clock on which every look costs a millisecond; `turns` counts who was let run."""

    turns = 0

    def monotonic(self) -> float:
        """Seconds."""
        self.at += 0.001
        return self.at

    async def sleep(self, seconds: float) -> None:
        """Let others run."""
        assert seconds == 0
        self.turns += 1


async def test_others_run_while_much_is_written():
    clock = Passing()
    many = Part(*(HTTP_SECONDS.of(histogram(0.1), f"/{at}") for at in range(50)))
    await exposition(many, clock).text("")
    assert clock.turns >= 20


async def test_a_metric_without_series_is_not_there():
    body = (await exposition(Part(LOOP_LAG.of(histogram()))).text("")).body.decode()
    assert {line.split()[2] for line in body.splitlines() if line.startswith("# TYPE")} == {
        LOOP_LAG.name
    }
    assert LOOP_LAG.name in METRICS
