"""The AsyncAPI page tells the truth, both to the official parser and about a real session."""

import asyncio
import json
import subprocess
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError
from processes import COMMAND
from stream_session import Session, blocks, channels, held, name_of

from cloud_marketdata import __version__
from cloud_marketdata.api.stream.asyncapi import asyncapi
from cloud_marketdata.api.stream.messages import Op
from cloud_marketdata.api.stream.ports import ChannelName
from judges import asyncapi_diagnostics

PAGE = asyncapi(__version__)
MESSAGES = PAGE["components"]["messages"]


@pytest.fixture(scope="module")
def session() -> Session:
    async def bounded() -> Session:
        async with asyncio.timeout(90):
            return await held()

    return asyncio.run(bounded())


def check(name: str, message: object) -> None:
    schema = {**MESSAGES[name]["payload"], "components": PAGE["components"]}
    Draft202012Validator(schema).validate(message)


async def _found(document: dict[str, Any]) -> list[dict[str, Any]]:
    return await asyncapi_diagnostics(json.dumps(document))


def test_the_official_parser_has_nothing_to_say():
    assert asyncio.run(_found(PAGE)) == []


def test_the_official_parser_would_notice_a_schema_that_is_none():
    told = json.loads(json.dumps(PAGE))
    told["components"]["schemas"]["Pong"]["type"] = "banana"

    assert {one["severity"] for one in asyncio.run(_found(told))} == {0}


def test_the_page_is_served_and_printed(session):
    printed = subprocess.run([*COMMAND, "asyncapi"], capture_output=True, check=True).stdout

    assert json.loads(printed) == PAGE
    assert session.page == asyncapi(session.page["info"]["version"])


def test_whatever_the_server_says_is_as_the_page_describes_it(session):
    assert len(session.heard) > 30
    for message in session.heard:
        check(name_of(message), message)


def test_what_a_client_may_ask_is_as_the_page_describes_it(session):
    for request in session.asked:
        if request["op"] in set(Op):
            check(request["op"], request)
    assert {request["op"] for request in session.asked} > set(Op)


def test_every_message_of_the_page_is_said_in_a_session(session):
    """But for channels of which nothing is wrong: their `status` frames have one form for all."""
    quiet = {f"{name}-status" for name in ChannelName if name is not ChannelName.DEPTH}
    said = {name_of(message) for message in session.heard} | {one["op"] for one in session.asked}

    assert said - {"dance"} == MESSAGES.keys() - quiet


def test_every_message_that_is_said_has_an_example_of_its_kind():
    shown = {
        name: one["examples"][0]["payload"] for name, one in MESSAGES.items() if "examples" in one
    }

    assert shown.keys() >= {name for name in MESSAGES if not name.endswith("-status")}
    for name, payload in shown.items():
        check(name, payload)
        assert ("op" in payload and "ok" not in payload) or name_of(payload) == name


@pytest.mark.parametrize(
    "wrong", [{"colour": "red"}, {"symbol": None}, {"start": {}}, {"levels": 5}]
)
def test_a_channel_takes_its_own_parameters_alone(wrong):
    [candles] = [one for one in channels(0) if one["name"] == "candles"]
    check("subscribe", {"op": "subscribe", "channels": [candles]})

    with pytest.raises(ValidationError):
        check("subscribe", {"op": "subscribe", "channels": [candles | wrong]})


def test_every_message_in_the_guide_is_as_the_page_describes_it():
    shown = [json.loads(block) for block in blocks("json")]

    assert len(shown) > 5
    for message in shown:
        asked = message.get("op") in set(Op) and "ok" not in message
        check(message["op"] if asked else name_of(message), message)


def test_whatever_the_guide_asks_is_answered(session):
    assert len(session.written) > 2
    for request, reply in session.written:
        assert (reply["op"], reply["ok"]) == (request["op"], True), reply


def test_a_book_kept_as_the_guide_keeps_it_is_the_servers(session):
    named: dict[str, Any] = {}
    exec("\n".join(blocks("python")), named)  # noqa: S102  the guide's own code
    book, compared = None, 0
    for frame in session.heard:
        match name_of(frame):
            case "depth-snapshot":
                compared += book is not None
                assert book in (None, frame["data"])
                book = frame["data"]
            case "depth-update":
                book = named["applied"](book, frame["data"])
    assert compared == 1
