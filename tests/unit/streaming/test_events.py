from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json
from pydantic import ValidationError
from stream_lines import Stage, settled

from cloud_marketdata.api.stream.ports import Channel, ChannelName
from cloud_marketdata.api.stream.sse_questions import subscriptions_in
from cloud_marketdata.core.errors import BadRequestError, NotReadyError

TAPE = Channel(ChannelName.TRADES, "bybit-linear", "BTCUSDT")
ONE = "channels=trades:bybit-linear:BTCUSDT"
TWO = f"{ONE},depth:bybit-linear:BTCUSDT;levels=20"


def events(line):
    """Return each event as its id and its data, as the standard reads them."""
    chunks = [one for one in line.sent if one["type"] == "http.response.body"]
    text = b"".join(one["body"] for one in chunks).decode()
    assert text.startswith("retry: 3000\n\n")
    assert text.endswith("\n\n")
    read = []
    for block in text.removeprefix("retry: 3000\n\n").split("\n\n")[:-1]:
        fields = dict(field.split(": ", 1) for field in block.split("\n"))
        read.append((fields.get("id"), json.decode(fields["data"])))
    return read


@pytest.mark.anyio
async def test_events_are_the_frames_of_the_websocket():
    async with Stage() as stage:
        line = await stage.get(TWO)
        stage.hub.publish(TAPE)
        await settled()

        start = line.sent[0]
        assert start["status"] == 200
        assert dict(start["headers"])[b"content-type"].startswith(b"text/event-stream")
        found = [(one["channel"], one["type"], one["seq"]) for _, one in events(line)]
        assert found == [
            ("trades", "snapshot", 0),
            ("depth", "snapshot", 0),
            ("trades", "update", 1),
        ]
        # A place in one of two channels says nothing of the other.
        assert {place for place, _ in events(line)} == {None}


@pytest.mark.anyio
async def test_a_single_trades_channel_is_resumed_behind_the_last_event():
    async with Stage() as stage:
        first = await stage.get(ONE)
        for _ in range(3):
            stage.hub.publish(TAPE)
        await settled()
        place, _ = events(first)[-1]
        first.give({"type": "http.disconnect"})
        stage.hub.publish(TAPE)
        again = await stage.get(ONE, {"Last-Event-ID": place})
        by_query = await stage.get(f"{ONE}&from={place}")

        assert place == "counted:3"
        for line in (again, by_query):
            assert [(one["type"], one["seq"]) for _, one in events(line)] == [
                ("update", 4),
                ("caught_up", 4),
            ]


WRONG = [
    ("", 422, "invalid_request"),
    ("channels=", 400, "bad_request"),
    ("channels=trades", 400, "bad_request"),
    ("channels=news:bybit-linear:BTCUSDT", 422, "invalid_request"),
    ("channels=depth:bybit-linear:BTCUSDT;levels", 400, "bad_request"),
    ("channels=depth:bybit-linear:BTCUSDT;levels=x", 422, "invalid_request"),
    ("channels=depth:bybit-linear:BTCUSDT;levels=1;levels=2", 400, "bad_request"),
    ("channels=trades:bybit-linear:NOSUCH", 404, "unknown_market"),
    (f"{ONE},trades:bybit-linear:BTCUSDT", 409, "already_subscribed"),
    (f"{TWO}&from=counted:3", 400, "bad_request"),
    (f"{ONE}&from=yesterday", 400, "bad_time"),
]


@pytest.mark.anyio
@pytest.mark.parametrize(("query", "status", "code"), WRONG)
async def test_a_wrong_question_is_a_problem_and_no_stream(query, status, code):
    async with Stage() as stage:
        line = await stage.get(query)
        await line.served
        start, body = line.sent

        assert (start["status"], json.decode(body["body"])["code"]) == (status, code)
        assert stage.readers.subscriptions == 0


@pytest.mark.anyio
async def test_a_reader_too_many_is_refused():
    async with Stage(stream_connections=1) as stage:
        await stage.connect()
        line = await stage.get(ONE)
        await line.served

        assert line.sent[0]["status"] == 503
        assert json.decode(line.sent[1]["body"])["code"] == "too_many_connections"


@pytest.mark.anyio
async def test_a_stream_ends_when_none_of_its_channels_can_be_joined():
    async with Stage() as stage:
        stage.hub.broken = NotReadyError("the hub starts")
        line = await stage.get(ONE)
        (place, over), (_, last) = events(line)

        # A browser forgets where it stood, or it would ask for that again for ever.
        assert place == ""
        assert over["data"]["code"] == "not_ready"
        assert (last["op"], last["code"]) == ("close", "over")
        assert line.sent[-1]["more_body"] is False


@pytest.mark.anyio
async def test_a_stream_ends_when_the_service_stops():
    async with Stage() as stage:
        line = await stage.get(ONE)
        stage.readers.stop()
        await settled()

        assert events(line)[-1][1]["code"] == "stopping"
        assert line.sent[-1]["more_body"] is False
        assert stage.readers.subscriptions == 0


@pytest.mark.anyio
async def test_headers_of_one_stream_are_not_those_of_the_next():
    async with Stage() as stage:
        (await stage.get(ONE)).sent[0]["headers"].append((b"x-mine", b"1"))
        line = await stage.get(ONE)

        assert b"x-mine" not in dict(line.sent[0]["headers"])


def test_a_comma_and_a_colon_inside_a_parameter_are_safe():
    text = "anomalies:v:S;kinds=sweep,absorption,depth:v:S;start=2024-08-08T23:55:00Z,x"
    first, second = subscriptions_in(text, None)

    assert first.params == {"kinds": "sweep,absorption"}
    assert second.params == {"start": "2024-08-08T23:55:00Z,x"}


def test_a_time_is_not_taken_for_a_place():
    (asked,) = subscriptions_in("trades:v:S", "2024-08-08T23:55:00+02:00")

    assert asked.since == "2024-08-08T23:55:00+02:00"


@given(st.text(), st.none() | st.text())
def test_any_text_is_read_or_refused(text, since):
    with suppress(BadRequestError, ValidationError):
        assert subscriptions_in(text, since)
