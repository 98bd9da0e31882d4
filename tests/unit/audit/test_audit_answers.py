import asyncio
import json
from pathlib import Path

import pytest
from audit_stage import KEY, NOW, StageClock, event, lines_of, written
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError
from starlette.testclient import TestClient

from cloud_marketdata.api.audit import AuditDesk, AuditParams, build_audit
from cloud_marketdata.core.errors import BadRequestError, LimitError
from cloud_marketdata.domain.values import NS_PER_MS
from cloud_marketdata.security.audit import reading
from cloud_marketdata.security.audit.pen import Pen, Plan
from cloud_marketdata.security.audit.reading import Reader, Wanted

START, END = NOW // NS_PER_MS - 1, NOW // NS_PER_MS + 10_000


def wrote(folder: Path, writer: str, entries) -> None:
    pen = Pen(Plan(folder, writer, KEY, {}, 1 << 30))
    pen.claim(NOW)
    pen.add(entries)
    pen.flush(NOW)
    pen.release()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four writers; two chains are closed, and two tell of the same instants and go on."""
    folder = tmp_path_factory.mktemp("log") / "audit"
    written(folder, "serve-a-1-1", events=40, files=4)
    written(folder, "serve-b-2-1", events=30, files=2)
    others = [
        (NOW + n * 1_000_000, event(n, owner="bob", key_id="abcd1234", code="x" * (n % 2)))
        for n in range(50)
    ]
    wrote(folder, "collect-a-3-1", others)
    wrote(folder, "serve-z-4-1", others[10:])
    with next((folder / "collect-a-3-1").glob("*.jsonl")).open("ab") as file:
        file.write(b'{"ts":17954500')
    return folder


@pytest.fixture(scope="module")
def caller(folder):
    app = FastAPI()
    app.include_router(build_audit(folder, StageClock(NOW + 10_000_000_000)))
    return TestClient(app)


def everything(folder: Path) -> list[dict]:
    """The oracle: all whole lines of all files, sorted as the answers are."""
    lines = [
        json.loads(line)
        for path in folder.glob("*/*.jsonl")
        for line in lines_of(path)
        if line.endswith(b"\n")
    ]
    return sorted(lines, key=lambda line: (line["ts"], f"{line['writer']}/{line['seq']:016d}"))


def pages(caller, **query: object):
    """Follow the cursors to the end."""
    events, cursor = [], None
    while True:
        given = query if cursor is None else {**query, "cursor": cursor}
        answer = caller.get("/v1/audit", params=given)
        assert answer.status_code == 200, answer.text
        document = answer.json()
        assert len(document["data"]["events"]) <= query.get("limit", 100)
        events += document["data"]["events"]
        cursor = document["meta"]["next_cursor"]
        if cursor is None:
            return events, document["meta"]


def names(events) -> list[tuple[str, int]]:
    return [(each["writer"], each["seq"]) for each in events]


@given(
    limit=st.integers(1, 60),
    start=st.integers(0, 60),
    length=st.integers(1, 10_000),
    filters=st.fixed_dictionaries(
        {},
        optional={
            "outcome": st.sampled_from(["ok", "failed"]),
            "owner": st.sampled_from(["ada", "bob"]),
            "action": st.sampled_from(["market.trades", "audit.close", "market"]),
            "surface": st.sampled_from(["rest", "system"]),
            "key_id": st.just("abcd1234"),
        },
    ),
)
def test_pages_hold_every_event_of_a_range_once_and_in_order(
    folder, caller, limit, start, length, filters
):
    start = START + start
    low, high = start * NS_PER_MS, (start + length) * NS_PER_MS
    wanted = [
        line
        for line in everything(folder)
        if low <= line["ts"] < high
        and all(line.get(name, "") == value for name, value in filters.items())
    ]

    events, meta = pages(caller, start=start, end=start + length, limit=limit, **filters)

    assert names(events) == names(wanted)
    assert meta["range"] == {"start": start, "end": start + length}


@given(
    limit=st.integers(1, 90),
    start=st.integers(0, 60),
    length=st.integers(1, 10_000),
    owner=st.sampled_from(["", "ada", "bob"]),
)
def test_the_newest_are_the_last_of_all(folder, limit, start, length, owner):
    low, high = (START + start) * NS_PER_MS, (START + start + length) * NS_PER_MS
    wanted = [
        line
        for line in everything(folder)
        if low <= line["ts"] < high and owner in {"", line.get("owner")}
    ]

    found = Reader(folder).newest(Wanted(low, high, owner=owner), limit)

    assert [(line.writer, line.seq) for line in found.lines] == names(wanted[-limit:])
    assert found.more is (len(wanted) > limit)


def test_an_event_is_told_whole(caller):
    given = {"start": START, "end": END, "owner": "bob", "limit": 2}
    answer = caller.get("/v1/audit", params=given)

    document = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert document["data"]["events"][1] == {
        "time": NOW // NS_PER_MS + 1,
        "writer": "collect-a-3-1",
        "seq": 3,
        "action": "market.trades",
        "surface": "rest",
        "outcome": "ok",
        "code": "x",
        "status": 200,
        "key_id": "abcd1234",
        "owner": "bob",
        "address": "",
        "agent": "",
        "resource": "",
        "params": {"n": "1"},
        "latency_us": 0,
        "bytes": 0,
        "request_id": "",
    }
    covers = document["meta"]["covers"]
    assert (covers["writers"], covers["unreadable"], covers["verified"]) == (4, 0, False)
    assert covers["machine"]


def test_a_file_that_is_closed_before_the_range_is_not_read(caller):
    start = NOW // NS_PER_MS + 45

    meta = caller.get("/v1/audit", params={"start": start, "end": END}).json()["meta"]

    assert meta["covers"]["files"] == 2


def test_without_times_it_is_the_last_hour(caller):
    meta = caller.get("/v1/audit").json()["meta"]

    assert meta["range"]["end"] - meta["range"]["start"] == 3_600_000


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"limit": 0}, "limit_exceeded"),
        ({"limit": 1001}, "limit_exceeded"),
        ({"outcome": "bad"}, "bad_request"),
        ({"surface": "telnet"}, "bad_request"),
        ({"start": "yesterday"}, "bad_time"),
        ({"start": END, "end": START}, "bad_time"),
        ({"cursor": "x"}, "bad_cursor"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(folder, asked, code):
    with pytest.raises(BadRequestError) as refused:
        asyncio.run(AuditDesk(folder, StageClock()).events(AuditParams(**asked)))

    assert refused.value.code == code


def test_a_misspelt_filter_is_refused():
    with pytest.raises(ValidationError):
        AuditParams(actions="x")


def test_a_cursor_belongs_to_its_filters(folder):
    desk = AuditDesk(folder, StageClock())
    first = asyncio.run(desk.events(AuditParams(start=START, end=END, limit=1)))
    cursor = first.meta.next_cursor

    assert asyncio.run(desk.events(AuditParams(cursor=cursor))).data.events
    with pytest.raises(BadRequestError) as refused:
        asyncio.run(desk.events(AuditParams(cursor=cursor, owner="bob")))
    assert refused.value.code == "bad_cursor"


def test_more_than_may_be_read_at_once_is_refused_with_what_to_do(folder, monkeypatch):
    monkeypatch.setattr(reading, "MOST_BYTES", 1000)
    desk = AuditDesk(folder, StageClock())

    with pytest.raises(LimitError, match="ask for a shorter range"):
        asyncio.run(desk.events(AuditParams(start=START, end=END)))


def test_a_folder_without_a_log_has_no_events(tmp_path):
    answer = asyncio.run(AuditDesk(tmp_path / "audit", StageClock()).events(AuditParams()))

    assert (answer.data.events, answer.meta.covers.writers) == ([], 0)


def test_a_filter_is_not_met_by_what_a_parameter_is_called(tmp_path):
    wrote(tmp_path / "audit", "serve-a-1-1", [(NOW, event(params={"owner": "bob"}))])
    desk = AuditDesk(tmp_path / "audit", StageClock())

    answer = asyncio.run(desk.events(AuditParams(start=START, end=END, owner="bob")))

    assert answer.data.events == []


def test_the_last_line_of_a_file_is_found_though_it_came_much_later(tmp_path):
    pen = Pen(Plan(tmp_path / "audit", "serve-a-1-1", KEY, {}, 1 << 30))
    pen.claim(NOW)
    pen.close(NOW + 5_000 * NS_PER_MS, "stop")
    pen.release()
    desk = AuditDesk(tmp_path / "audit", StageClock())

    answer = asyncio.run(desk.events(AuditParams(start=START + 4000, end=END)))

    assert [each.action for each in answer.data.events] == ["audit.close"]


def test_lines_that_are_none_are_counted(tmp_path):
    wrote(tmp_path / "audit", "serve-a-1-1", [(NOW, event(1))])
    with next((tmp_path / "audit/serve-a-1-1").glob("*.jsonl")).open("ab") as file:
        file.write(b'spoilt\n{"ts":%d,"x":1}\n' % NOW)
    desk = AuditDesk(tmp_path / "audit", StageClock())

    answer = asyncio.run(desk.events(AuditParams(start=START, end=END)))

    assert (len(answer.data.events), answer.meta.covers.unreadable) == (2, 2)


def test_an_answer_is_what_the_page_of_the_api_promises(caller):
    page = caller.app.openapi()
    call = page["paths"]["/v1/audit"]["get"]
    schema = call["responses"]["200"]["content"]["application/json"]["schema"]
    document = caller.get("/v1/audit", params={"start": START, "end": END}).json()

    validator = Draft202012Validator({**schema, "components": page["components"]})
    assert list(validator.iter_errors(document)) == []
    assert document["data"]["events"]
    assert {one["name"] for one in call["parameters"]} == set(AuditParams.model_fields)
