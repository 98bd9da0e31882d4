"""API keys by REST: a secret is told once, and nobody hands out more than he has."""

import pytest
from doorstep import ASKING, Answer, Doorstep, bearer

from cloud_marketdata.security.identity import Scope

KEYS = "/v1/keys"
INVALID = (422, "invalid_request")
JSON = (b"content-type", b"application/json")
DAY = 86_400 * 1_000_000_000


@pytest.fixture(scope="module")
def door() -> Doorstep:
    return Doorstep()


@pytest.fixture(scope="module")
def asking() -> Doorstep:
    return Doorstep(**ASKING, limit_per_ip=100_000)


def create(door: Doorstep, *headers: tuple[bytes, bytes], wish: bytes | None = None) -> Answer:
    body = wish or b'{"owner": "me", "scopes": ["market:read"]}'
    length = (b"content-length", str(len(body)).encode())
    return door.ask(KEYS, "POST", [JSON, length, *headers], body=[body])


def test_a_key_is_made_used_listed_replaced_and_taken_back(door):
    made = create(door)
    assert (made.status, made.headers["cache-control"]) == (201, "no-store")
    key, key_id = made.json["data"]["key"], made.json["data"]["id"]
    assert door.ask(headers=bearer(key)).status == 200
    assert door.events[-1].key_id == key_id

    (listed,) = [one for one in door.ask(KEYS).json["data"] if one["id"] == key_id]
    assert door.ask(f"{KEYS}/{key_id}").json["data"] == listed
    assert listed["used_at"] == door.clock.now() // 1_000_000
    assert door.ask(f"{KEYS}/self", headers=bearer(key)).json["data"] == listed

    again = door.ask(f"{KEYS}/{key_id}/rotate", "POST")
    assert (again.status, again.headers["cache-control"]) == (201, "no-store")
    successor = again.json["data"]
    assert (successor["lineage"], successor["generation"]) == (key_id, 1)
    for one in (key, successor["key"]):
        assert door.ask(headers=bearer(one)).status == 200

    revoked = door.ask(f"{KEYS}/{key_id}", "DELETE").json["data"]
    assert (revoked["state"], revoked["replaced_by"]) == ("revoked", successor["id"])
    assert door.ask(f"{KEYS}/{key_id}", "DELETE").json["data"] == revoked
    door.clock.time += 3_000_000_000
    assert door.ask(headers=bearer(key)).refused == (401, "key_revoked")
    assert door.ask(headers=bearer(successor["key"])).status == 200


def test_no_answer_but_the_one_that_made_it_holds_a_secret(door):
    key = create(door).json["data"]["key"]
    key_id, secret = key.split("_")[2:]
    door.ask(headers=bearer(key))
    answers = [
        door.ask(KEYS),
        door.ask(f"{KEYS}/{key_id}"),
        door.ask(f"{KEYS}/self", headers=bearer(key)),
        door.ask(f"{KEYS}/{key_id}/rotate", "POST"),
        door.ask(f"{KEYS}/{key_id}", "DELETE"),
    ]
    assert [one.status for one in answers] == [200, 200, 200, 201, 200]
    assert not [one for one in answers if secret.encode() in one.body or b'"mac"' in one.body]
    assert not [one for one in door.events if secret in repr(one)]


def test_a_key_replaces_itself_whatever_it_is_good_for(asking):
    key = asking.key("metrics:read")
    made = asking.ask(f"{KEYS}/self/rotate", "POST", bearer(key))
    assert made.status == 201
    successor = made.json["data"]["key"]
    assert asking.ask(f"{KEYS}/self", headers=bearer(successor)).status == 200
    replaced = asking.ask(f"{KEYS}/self/rotate", "POST", bearer(key))
    assert replaced.refused == (409, "key_replaced")
    assert asking.ask(KEYS, headers=bearer(successor)).refused == (403, "scope_missing")


def test_self_is_the_key_that_was_shown_and_no_name_of_a_key(door):
    for path, method in ((f"{KEYS}/self", "GET"), (f"{KEYS}/self/rotate", "POST")):
        assert door.ask(path, method).refused == (401, "key_missing")
    for key in ([], bearer(door.key(*Scope))):
        assert door.ask(f"{KEYS}/self", "DELETE", key).refused == (405, "method_not_allowed")


@pytest.mark.parametrize("more", sorted(set(Scope) - {Scope.KEYS_ADMIN, Scope.MARKET_READ}))
def test_nobody_hands_out_a_scope_that_he_does_not_have(asking, more):
    clerk = bearer(asking.key("keys:admin", "market:read"))
    assert create(asking, *clerk).status == 201
    wish = f'{{"owner": "me", "scopes": ["market:read", "{more}"]}}'.encode()
    assert create(asking, *clerk, wish=wish).refused == (403, "scope_missing")
    other = asking.key(more)
    other_id = other.split("_")[2]
    taken = asking.ask(f"{KEYS}/{other_id}/rotate", "POST", clerk)
    assert taken.refused == (403, "scope_missing")
    assert asking.ask(f"{KEYS}/{other_id}", "DELETE", clerk).status == 200


def test_this_machine_hands_out_every_scope(door):
    wish = f'{{"owner": "me", "scopes": {[scope.value for scope in Scope]}}}'.replace("'", '"')
    made = create(door, wish=wish.encode())
    assert set(made.json["data"]["scopes"]) == set(Scope)


@pytest.mark.parametrize(
    ("wish", "refused"),
    [
        (b"{", INVALID),
        (b"[]", INVALID),
        (b'{"owner": "me"}', INVALID),
        (b'{"owner": "", "scopes": ["market:read"]}', INVALID),
        (b'{"owner": "me", "scopes": []}', INVALID),
        (b'{"owner": "me", "scopes": ["root"]}', INVALID),
        (b'{"owner": "me", "scopes": ["market:read"], "id": "x"}', INVALID),
        (b'{"owner": "me", "scopes": ["market:read"], "per_minute": 0}', INVALID),
        (
            b'{"owner": "me", "scopes": ["market:read"], "per_minute": NaN}',
            INVALID,
        ),
        (
            b'{"owner": "me", "scopes": ["market:read"], "per_minute": 1e309}',
            INVALID,
        ),
        (b'{"owner": "me", "scopes": ["market:read"], "sink": "../x"}', INVALID),
        (b'{"owner": "me", "scopes": ["market:read"], "networks": ["x"]}', (400, "bad_request")),
        (b'{"owner": "a\\u0000b", "scopes": ["market:read"]}', (400, "bad_request")),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused_and_makes_nothing(door, wish, refused):
    before = door.ask(KEYS).body
    assert create(door, wish=wish).refused == refused
    assert door.ask(KEYS).body == before


def test_a_key_that_is_not_there_or_over_gets_no_successor(door):
    for path, method in (("x", "GET"), ("ab12cd34", "GET"), ("ab12cd34", "DELETE")):
        assert door.ask(f"{KEYS}/{path}", method).refused == (404, "unknown_key")
    assert door.ask(f"{KEYS}/ab12cd34/rotate", "POST").refused == (404, "unknown_key")
    key_id = create(door).json["data"]["id"]
    door.ask(f"{KEYS}/{key_id}", "DELETE")
    assert door.ask(f"{KEYS}/{key_id}/rotate", "POST").refused == (409, "key_over")
    wish = b'{"owner": "me", "scopes": ["market:read"], "sink": "reader.key"}'
    filed = create(door, wish=wish).json["data"]
    assert filed["sink"] == "reader.key"
    assert door.ask(f"{KEYS}/{filed['id']}/rotate", "POST").refused == (409, "key_delivered")


def test_it_is_told_when_a_successor_is_due(door):
    key = create(door).json["data"]
    assert not key["rotation_due"]
    door.clock.time += 24 * DAY
    assert door.ask(f"{KEYS}/{key['id']}").json["data"]["rotation_due"]
    door.ask(f"{KEYS}/{key['id']}/rotate", "POST")
    after = door.ask(f"{KEYS}/{key['id']}").json["data"]
    assert (after["rotation_due"], after["state"]) == (False, "retiring")


def test_the_log_names_what_was_made_and_not_its_secret(door):
    made = create(door).json["data"]
    event = door.events[-1]
    assert event.action == "POST /v1/keys"
    assert event.params == {"made_id": made["id"], "owner": "me", "scopes": "market:read"}
