"""The page of the API promises nothing that the service does not keep, whoever asks whatever.

schemathesis reads the page, makes up requests that fit it and requests that do not, and checks each
answer: no failure of the server, no undeclared status, header, media type or shape, no refusal of
what the page allows by its form, no answer to what it forbids. What a form cannot say, such as that
a range begins before it ends, is refused with 400 or 410 and one of the codes named here.
"""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure
from schemathesis.engine import events, from_schema
from served_captures import KEY_IDS, served

# What hangs together between parameters, or depends on what there is.
TOGETHER = {
    "bad_cursor",
    "bad_request",
    "bad_time",
    "key_in_query",
    "limit_exceeded",
    "not_acceptable",
    "resolution_gone",
}
START, END = 1723161256000, 1723161316000


@schemathesis.check
def form_is_not_refused(_ctx, response, case):
    """Refuse nothing by its form that the page allows."""
    meta = case.meta
    if meta is None or not meta.generation.mode.is_positive or response.status_code == 405:
        return
    if response.status_code == 422:
        raise Failure(operation=case.operation.label, title="Refused form", message=response.text)
    if response.status_code in {400, 406, 410}:
        code = response.json()["code"]
        assert code in TOGETHER, f"{code} is no refusal of what hangs together"


def configured(examples: int, seed: int) -> SchemathesisConfig:
    """Return a profile: so many requests of each kind an operation, made up from a seed.

    Half of the times and symbols are those that the captures have, or all requests would miss them.
    """
    known = {
        "symbols": ["BTCUSDT"],
        "starts": [START, START + 20_000],
        "ends": [END],
        "keys": list(KEY_IDS),
    }
    bound = {
        "path.symbol": "symbols",
        "query.start": "starts",
        "query.end": "ends",
        "path.key_id": "keys",
    }
    return SchemathesisConfig.from_dict(
        {
            "seed": seed,
            "dictionaries": {name: {"values": values} for name, values in known.items()},
            "parameters": {
                parameter: {"dictionary": name, "probability": 0.7}
                for parameter, name in bound.items()
            },
            "phases": {"stateful": {"enabled": False}},
            "generation": {"max-examples": examples, "database": "none"},
            # Its place is taken by the check above, which reads the code of a refusal.
            "checks": {"positive_data_acceptance": {"enabled": False}},
        }
    )


def at_home(app):
    """Return the application as this machine reaches it, with a key where none is shown."""
    key = (b"x-api-key", app.state.key.encode())

    async def local(scope, receive, send) -> None:
        if scope["type"] == "http":
            others = [one for one in scope["headers"] if one[0] != b"host"]
            headers = [(b"host", b"127.0.0.1"), *others]
            if not {name for name, _ in others} & {b"authorization", b"x-api-key"}:
                headers.append(key)
            scope = {**scope, "client": ("127.0.0.1", 50000), "headers": headers}
        await app(scope, receive, send)

    return local


def broken(finished: events.ScenarioFinished) -> list[str]:
    """Return what a scenario's checks found, with the request that shows it."""
    recorder = finished.recorder
    return [
        f"{recorder.label} {check.name}: {check.failure_info.failure.message}\n"
        f"{recorder.interactions[case].request.method} {recorder.interactions[case].request.uri}"
        for case, checks in recorder.checks.items()
        for check in checks
        if check.failure_info is not None
    ]


def kept(app, config: SchemathesisConfig) -> tuple[list[str], Counter, set[str]]:
    """Ask whatever comes to mind; return what was broken, statuses, and the operations answered."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", at_home(app), config=config)
    found, statuses, answered = [], Counter(), set()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            found += broken(event)
            seen = [one.response.status_code for one in event.recorder.interactions.values()]
            statuses.update(seen)
            answered |= {event.recorder.label} if {200, 201} & set(seen) else set()
        elif isinstance(event, events.NonFatalError | events.FatalError):
            found.append(str(event.info.format() if hasattr(event, "info") else event.exception))
    return found, statuses, answered


def operations(app) -> set[str]:
    """Return all that the page names."""
    paths = app.openapi()["paths"].items()
    return {f"{method.upper()} {path}" for path, calls in paths for method in calls}


def test_the_page_is_kept_whatever_is_asked(data: Path) -> None:
    app = asyncio.run(served(data, seconds=60))

    found, statuses, answered = kept(app, configured(examples=10, seed=1))

    assert found == []
    assert answered == operations(app)
    assert statuses[200] > 200


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_the_page_is_kept_through_many_more_questions(data: Path, seed: int) -> None:
    app = asyncio.run(served(data, seconds=180))

    found, _, answered = kept(app, configured(examples=300, seed=seed))

    assert found == []
    assert answered == operations(app)
