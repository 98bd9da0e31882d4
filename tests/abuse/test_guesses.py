"""Who guesses is slowed down at once, and nobody else notices."""

import json
import re
from collections import Counter
from contextlib import closing, suppress
from random import Random
from socket import socket
from urllib.parse import quote

from bunch import resealed
from fortress import PROXIES, Fortress, refusal
from rawhttp import Answer, dialled, fresh_address, read_answer, written
from websockets.exceptions import ConnectionClosed, InvalidStatus
from wsabuse import all_heard, joined, left_with, say

from cloud_marketdata.core.clock import SystemClock

GUESSES = 10_000
AT_ONCE = 50
CODE = re.compile(rb'"code":"(\w+)"')
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
MARKETS = "/v1/markets"


def guess(random: Random, key_id: str) -> str:
    """Return a well-formed key of that id with a secret of one's own."""
    secret = "".join(random.choice(LETTERS) for _ in range(32))
    return resealed(f"cmd_live_{key_id}_{secret}")


def guessed(fortress: Fortress, address: str, guesses: int) -> Counter:
    """Guess over one connection after another, many at a time; count what was said."""
    random, said = Random(7), Counter()  # noqa: S311  nothing is guarded by it
    key_id = fortress.keys.id_of("all")
    while (left := guesses - sum(said.values())) > 0:
        with closing(dialled(fortress.door, address)) as connection:
            for _ in range(min(10, left // AT_ONCE)):
                keys = [guess(random, key_id) for _ in range(AT_ONCE)]
                shown = [written(fortress.door, MARKETS, {"X-API-Key": key}) for key in keys]
                connection.sendall(b"".join(shown))
                said.update(codes_heard(connection, AT_ONCE))
    return said


def codes_heard(connection: socket, answers: int) -> list[str]:
    """Read so many refusals and return their codes."""
    heard = b""
    while len(found := CODE.findall(heard)) < answers:
        piece = connection.recv(65_536)
        assert piece, heard[-500:]
        heard += piece
    assert heard.count(b"HTTP/1.1 ") == answers
    assert heard.lower().count(b"retry-after: ") == found.count(b"quota_exceeded")
    return [code.decode() for code in found]


def test_ten_thousand_guesses_are_a_hundred(fortress):
    clock, address = SystemClock(), fresh_address()
    begun = clock.monotonic()

    said = guessed(fortress, address, GUESSES)

    seconds = clock.monotonic() - begun
    fortress.expect(address, GUESSES)
    fortress.asked[address] += GUESSES
    fortress.stories[address] = b"guesses"
    assert set(said) == {"key_invalid", "quota_exceeded"}
    # 1200 units at 11 a guess, and what comes back meanwhile.
    assert said["key_invalid"] <= 110 + seconds * 20 / 11 + 2
    begun = clock.monotonic()
    assert fortress.ask(MARKETS, "all").status == 200
    assert clock.monotonic() - begun < 2
    # Also the right key is not looked at any more from there.
    assert refusal(fortress.ask(MARKETS, "all", address=address)) == (429, "quota_exceeded")
    events = fortress.events(address)
    assert len(events) == GUESSES + 1
    assert Counter(event["code"] for event in events[:-1]) == said


def test_guesses_over_mcp_and_rest_are_one_account(fortress):
    address = fresh_address()
    for _ in range(60):
        fortress.ask(MARKETS, "guessed", address=address)
        fortress.rpc("tools/list", "guessed", address)

    assert refusal(fortress.rpc("tools/list", "all", address)) == (429, "quota_exceeded")


def test_guesses_by_the_auth_op_are_on_that_account_too(fortress):
    """A connection costs one unit to open, so many wrong keys on it must not come for that."""
    address, refused = fresh_address(), 0
    clock = SystemClock()
    begun = clock.monotonic()
    with suppress(InvalidStatus):
        for _ in range(150):
            with joined(fortress, address=address) as connection:
                for _ in range(3):
                    reply = say(connection, op="auth", key=fortress.key("guessed"))
                    assert reply["ok"] is False
                    refused += reply["code"] == "key_invalid"
                left_with(connection)

    # 1200 units at 11 a guess, and what comes back meanwhile.
    assert refused <= 110 + (clock.monotonic() - begun) * 20 / 11 + 3
    assert refusal(fortress.ask(MARKETS, "all", address=address)) == (429, "quota_exceeded")


def test_one_connection_takes_three_guesses(fortress):
    with joined(fortress) as connection:
        # It may be closed before all are said.
        with suppress(ConnectionClosed):
            for _ in range(50):
                connection.send(json.dumps({"op": "auth", "key": fortress.key("guessed")}))
        replies = all_heard(connection)
        code = connection.close_code

    assert code == 4401
    assert [reply.get("code") for reply in replies if reply["op"] == "auth"] == ["key_invalid"] * 3


def test_who_has_used_up_an_address_has_not_used_up_another(fortress):
    address, other = fresh_address(), fresh_address()
    for _ in range(130):
        fortress.ask(MARKETS, "guessed", address=address)

    assert refusal(fortress.ask(MARKETS, "all", address=address)) == (429, "quota_exceeded")
    assert fortress.ask(MARKETS, "all", address=other).status == 200


def test_a_stranger_who_names_other_addresses_is_still_one(fortress):
    address = fresh_address()
    said = Counter()
    for number in range(130):
        headers = {
            "X-Forwarded-For": f"203.0.113.{number}",
            "Forwarded": f"for=203.0.113.{number}",
            "X-Real-IP": f"203.0.113.{number}",
        }
        said[fortress.ask(MARKETS, "guessed", headers, address=address).status] += 1

    assert said[429] >= 15
    assert {event["address"] for event in fortress.events(address)} == {address}


def test_a_stranger_cannot_use_up_another_address_by_naming_it(fortress):
    address, victim = fresh_address(), fresh_address()
    for _ in range(130):
        fortress.ask(MARKETS, "guessed", {"X-Forwarded-For": victim}, address=address)

    assert fortress.ask(MARKETS, "all", address=victim).status == 200


def test_a_key_of_a_network_is_not_opened_by_naming_it(fortress):
    for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "True-Client-IP"):
        value = "for=10.0.0.1" if name == "Forwarded" else "10.0.0.1"
        answer = fortress.ask(MARKETS, "elsewhere", {name: value})
        assert refusal(answer) == (403, "address_refused"), name


def behind(fortress: Fortress, *forwarded: str, key: str = "behind") -> Answer:
    """Ask through a proxy that is believed; the events are those of whom it names."""
    headers = [("X-Forwarded-For", value) for value in forwarded]
    headers.append(("X-API-Key", fortress.key(key)))
    request = written(fortress.door, MARKETS, headers)
    with closing(dialled(fortress.door, f"{PROXIES}7")) as connection:
        connection.sendall(request)
        return read_answer(connection)


def test_a_proxy_is_believed_for_the_last_address_that_it_did_not_add(fortress):
    assert behind(fortress, "203.0.113.9").status == 200
    assert behind(fortress, "1.2.3.4, 203.0.113.9").status == 200
    assert behind(fortress, f"203.0.113.9, {PROXIES}8").status == 200
    assert behind(fortress, "203.0.113.9", f"{PROXIES}8").status == 200
    assert behind(fortress, "::ffff:203.0.113.9").status == 200


def test_what_the_client_of_a_proxy_invents_is_not_believed(fortress):
    for invented in (
        ("203.0.113.9, 198.51.100.1",),
        ("203.0.113.9", "198.51.100.1"),
        ("203.0.113.9, nonsense",),
        ("203.0.113.9,",),
        ("203.0.113.9, 127.0.0.1",),
        ("203.0.113.9/24",),
        ("203.0.113.09",),
        ("0xcb.0.0x71.9",),
        (quote("203.0.113.9,") + "198.51.100.2",),
    ):
        answer = behind(fortress, *invented)
        assert refusal(answer) == (403, "address_refused"), (invented, answer.status)
