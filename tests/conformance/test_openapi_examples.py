"""The examples of the API's page are questions that have answers, as the page describes them."""

import asyncio
import csv
import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastapi import FastAPI
from jsonschema import Draft202012Validator
from served_captures import served
from starlette.testclient import TestClient

TABLES = 16
READERS = {
    "text/csv": lambda body: len(list(csv.reader(io.StringIO(body.decode(), newline="")))) - 1,
    "application/vnd.apache.parquet": lambda body: pq.read_table(io.BytesIO(body)).num_rows,
    "application/vnd.apache.arrow.stream": lambda body: (
        pa.ipc.open_stream(body).read_all().num_rows
    ),
}


@pytest.fixture(scope="module")
def app(data: Path) -> FastAPI:
    return asyncio.run(served(data, seconds=90))


@pytest.fixture(scope="module")
def caller(app: FastAPI) -> TestClient:
    shown = {"X-API-Key": app.state.key}
    return TestClient(app, base_url="http://127.0.0.1", headers=shown, client=("127.0.0.1", 50000))


def questions(app: FastAPI) -> list[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """Return method, path, query or body, and the declared answer of each operation's examples.

    What is taken away comes last.
    """
    asked = [
        (method, _path(path, call), _given(app, call), _good(call)["content"])
        for path, calls in app.openapi()["paths"].items()
        for method, call in calls.items()
    ]
    return sorted(asked, key=lambda one: one[0] == "delete")


def _good(call: dict[str, Any]) -> dict[str, Any]:
    statuses = [status for status in call["responses"] if status.startswith("2")]
    assert len(statuses) == 1
    answer: dict[str, Any] = call["responses"][statuses[0]]
    return answer


def _given(app: FastAPI, call: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a request that its examples make up."""
    if "requestBody" not in call:
        return {"params": _examples(call, "query")}
    named = call["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    schema = app.openapi()["components"]["schemas"][named.rpartition("/")[2]]
    return {"json": schema["examples"][0]}


def _examples(call: dict[str, Any], place: str) -> dict[str, str]:
    return {
        one["name"]: one["schema"]["examples"][0]
        for one in call.get("parameters", [])
        if one["in"] == place and "examples" in one["schema"]
    }


def _path(path: str, call: dict[str, Any]) -> str:
    return path.format(**_examples(call, "path"))


def test_every_example_is_answered_in_the_declared_shape(app: FastAPI, caller: TestClient) -> None:
    components = {"components": app.openapi()["components"]}
    asked = questions(app)
    for method, path, given, declared in asked:
        answer = caller.request(method, path, **given)
        assert answer.status_code in {200, 201}, (path, answer.text)
        media = answer.headers["content-type"].partition(";")[0]
        schema = declared[media]["schema"] | components
        told = answer.json() if media == "application/json" else answer.text
        Draft202012Validator(schema).validate(told)
    assert len(asked) == sum(map(len, app.openapi()["paths"].values()))


def test_every_required_parameter_has_an_example(app: FastAPI) -> None:
    required = [
        (path, one["name"])
        for path, calls in app.openapi()["paths"].items()
        for call in calls.values()
        for one in call.get("parameters", [])
        if one["required"] and "examples" not in one["schema"]
    ]
    assert required == []


def test_every_declared_form_can_be_had_and_holds_as_many_rows(
    app: FastAPI, caller: TestClient
) -> None:
    tables = [asked for asked in questions(app) if asked[3].keys() > {"application/json"}]
    for method, path, given, declared in tables:
        assert declared.keys() == {"application/json", *READERS}
        rows = {}
        for media, read in READERS.items():
            answer = caller.request(method, path, **given, headers={"Accept": media})
            assert answer.status_code == 200, (path, answer.text)
            rows[media] = read(answer.content)
        assert len(set(rows.values())) == 1, (path, rows)
    assert len(tables) == TABLES + 1  # the anomalies of a market and of a pair are one table


JUDGED = {("/health", "503"), ("/ready", "503")}
"""What answers with what it has found, also where that is nothing good."""


def test_every_operation_says_what_it_is_and_how_it_fails(app: FastAPI) -> None:
    for path, calls in app.openapi()["paths"].items():
        for call in calls.values():
            assert call["summary"]
            assert call["description"]
            for status, response in call["responses"].items():
                assert response["description"]
                if int(status) >= 400 and (path, status) not in JUDGED:
                    assert set(response["content"]) == {"application/problem+json"}, (path, status)
