"""Sizes, bodies, hosts, origins, addresses and keys: what each of them lets in and refuses."""

import pytest
from doorstep import ASKING, MARKETS, OPEN, Doorstep, bearer

JSON = (b"content-type", b"application/json")
WISH = b'{"owner": "me", "scopes": ["market:read"]}'
KEYS = "/v1/keys"
AWAY = {"client": ("192.0.2.7", 50000)}


@pytest.fixture(scope="module")
def door() -> Doorstep:
    return Doorstep()


@pytest.fixture(scope="module")
def asking() -> Doorstep:
    return Doorstep(**ASKING, **OPEN)


def host(*names: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"host", name) for name in names]


def test_what_is_as_large_as_can_be_is_let_in(door):
    room = 8192 - len(MARKETS)
    assert door.ask(f"{MARKETS}?{'x' * room}").status == 200
    assert door.ask(headers=[(f"x-{at}".encode(), b"") for at in range(99)]).status == 200
    wish = WISH + b" " * (65_536 - len(WISH))
    length = (b"content-length", b"65536")
    assert door.ask(KEYS, "POST", [JSON, length], body=[wish]).status == 201


@pytest.mark.parametrize("length", [(b"content-length", b"65537"), (b"transfer-encoding", b"x")])
def test_a_body_is_bounded_whether_it_says_its_length_or_not(door, length):
    sent = [WISH, *([b" " * 1000] * 66)]
    answer = door.ask(KEYS, "POST", [JSON, length], body=sent)
    assert answer.refused == (413, "too_large")
    assert door.events[-1].code == "too_large"


@pytest.mark.parametrize("length", [b"-1", b"1e3", b"", b" 5", b"9" * 5000, "٣".encode()])
def test_a_length_that_is_no_number_is_refused(door, length):
    answer = door.ask(KEYS, "POST", [JSON, (b"content-length", length)])
    assert answer.status in {400, 413}
    assert answer.headers["connection"] == "close"


def test_a_body_that_does_not_come_is_not_waited_for():
    door = Doorstep(header_timeout_s=0.1)
    sent = door.ask(KEYS, "POST", [JSON, (b"content-length", b"500")], body=None)
    assert sent.refused == (408, "too_slow")


def test_who_leaves_before_his_body_is_there_is_written_down_and_not_answered(door):
    answer = door.ask(KEYS, "POST", [JSON, (b"content-length", b"500")], body=[])
    assert answer.status == 0
    event = door.events[-1]
    assert (event.status, event.code, event.outcome) == (499, "client_left", "failed")


@pytest.mark.parametrize("coding", [b"gzip", b"br", b"zstd", b"identity, gzip", b"x"])
def test_nothing_that_comes_is_ever_unpacked(door, coding):
    answer = door.ask(KEYS, "POST", [JSON, (b"content-encoding", coding)])
    assert answer.refused == (415, "unsupported_encoding")


@pytest.mark.parametrize(
    "name",
    [b"127.0.0.1", b"localhost:8000", b"LOCALHOST", b"[::1]:8000", b"127.1.2.3", b"192.0.2.1:80"],
)
def test_loopback_and_the_address_of_the_socket_are_our_names(door, name):
    assert door.ask(whole=host(name), server=("192.0.2.1", 8000)).status == 200


@pytest.mark.parametrize(
    "names",
    [
        [],
        [b""],
        [b"127.0.0.1", b"127.0.0.1"],
        [b"evil.example"],
        [b"127.0.0.1.evil.example"],
        [b"localhost.evil.example"],
        [b"localhost."],
        [b"user@127.0.0.1"],
        [b"127.0.0.1:99999999"],
        [b"127.0.0.1 "],
        [b"127.0.0.1\r\nx: y"],
        [b"[::1"],
        [b"2130706433"],
        [b"localhost,evil.example"],
    ],
)
@pytest.mark.parametrize(("path", "method"), [(MARKETS, "GET"), ("/mcp", "POST")])
def test_any_other_name_is_not_ours(door, names, path, method):
    assert door.ask(path, method, whole=host(*names)).refused == (421, "host_refused")


def test_where_keys_are_asked_for_any_name_will_do_but_not_for_mcp(asking):
    key = bearer(asking.key())
    foreign = [*host(b"data.example"), *key]
    assert asking.ask(whole=foreign, **AWAY).status == 200
    assert asking.ask("/mcp", "POST", whole=foreign, **AWAY).refused == (421, "host_refused")
    assert asking.ask(whole=[*host(), *key], **AWAY).refused == (421, "host_refused")


def test_names_that_are_set_are_the_only_ones():
    door = Doorstep(**ASKING, **OPEN, allowed_hosts=("Data.example", "api.example:8443"))
    key = bearer(door.key())
    for name, status in [
        (b"data.example", 200),
        (b"DATA.example:8000", 200),
        (b"api.example:8443", 200),
        (b"api.example", 421),
        (b"evil.example", 421),
        (b"127.0.0.1", 200),
    ]:
        assert door.ask(whole=[*host(name), *key], **AWAY).status == status, name


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (b"http://127.0.0.1:8000", 200),
        (b"https://127.0.0.1:8000", 403),
        (b"http://127.0.0.1", 403),
        (b"http://localhost:8000", 403),
        (b"null", 403),
        (b"", 403),
        (b"https://evil.example", 403),
        (b"http://127.0.0.1:8000.evil.example", 403),
    ],
)
def test_a_page_of_another_origin_may_not_ask(door, origin, status):
    answer = door.ask(headers=[(b"origin", origin)])
    assert answer.status == status
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert status == 200 or answer.refused == (403, "origin_refused")


def test_a_page_that_is_allowed_may_ask_and_read():
    door = Doorstep(allowed_origins=("https://page.example",))
    page, other = (b"origin", b"https://page.example"), (b"origin", b"https://evil.example")
    answer = door.ask(headers=[page])
    assert answer.headers["access-control-allow-origin"] == "https://page.example"
    assert "access-control-allow-credentials" not in answer.headers
    told = answer.headers["access-control-expose-headers"].split(", ")
    assert {"RateLimit", "ETag", "X-Request-ID", "Sunset"} <= set(told)
    assert "Origin" in answer.headers["vary"]
    assert door.ask("/health").headers["vary"] == "Origin"
    wants = (b"access-control-request-method", b"GET")
    before = door.ask(method="OPTIONS", headers=[page, wants])
    assert (before.status, before.body) == (204, b"")
    assert "Authorization" in before.headers["access-control-allow-headers"]
    assert door.events[-1].action == "cors.preflight"
    assert door.ask(method="OPTIONS", headers=[other, wants]).refused == (403, "origin_refused")
    assert door.ask(method="OPTIONS", headers=[wants]).refused == (405, "method_not_allowed")


def test_a_page_may_ask_before_it_shows_its_key():
    door = Doorstep(**ASKING, allowed_origins=("https://page.example",))
    page = (b"origin", b"https://page.example")
    wants = (b"access-control-request-method", b"GET")
    assert door.ask(method="OPTIONS", headers=[page, wants]).status == 204
    refused = door.ask(headers=[page])
    assert refused.refused == (401, "key_missing")
    assert refused.headers["access-control-allow-origin"] == "https://page.example"


@pytest.mark.parametrize(
    "between",
    [
        (b"x-forwarded-for", b"127.0.0.1"),
        (b"x-forwarded-for", b""),
        (b"forwarded", b"for=127.0.0.1"),
        (b"x-real-ip", b"127.0.0.1"),
        (b"x-forwarded-proto", b"https"),
        (b"via", b"1.1 proxy"),
    ],
)
def test_who_comes_through_a_proxy_is_not_this_machine(door, between):
    assert door.ask(headers=[between]).refused == (401, "key_missing")


def test_only_a_trusted_proxy_is_believed_for_whom_it_speaks():
    door = Doorstep(**ASKING, trusted_proxies=("192.0.2.0/24",))
    said = (b"x-forwarded-for", b"203.0.113.5")
    for peer, address in (("192.0.2.7", "203.0.113.5"), ("198.51.100.1", "198.51.100.1")):
        door.ask(headers=[said], client=(peer, 1))
        assert door.events[-1].address == address


def test_where_all_are_let_in_strangers_may_read_and_nothing_else():
    door = Doorstep(**OPEN, require_keys="never")
    named = [(b"host", b"127.0.0.1")]
    assert door.ask(whole=named, **AWAY).status == 200
    assert door.events[-1].owner == "anyone"
    assert "ratelimit" in door.ask(whole=named, **AWAY).headers
    assert door.ask(KEYS, whole=named, **AWAY).refused == (403, "scope_missing")
    assert door.ask("/v1/admin/symbols", whole=named, **AWAY).refused == (403, "scope_missing")


def shown(*headers: tuple[bytes, str]) -> list[tuple[bytes, bytes]]:
    return [(name, value.encode()) for name, value in headers]


AUTH, PLAIN = b"authorization", b"x-api-key"


def test_a_key_is_shown_in_one_of_two_headers(asking):
    key = asking.key()
    for headers in (
        shown((AUTH, f"Bearer {key}")),
        shown((AUTH, f"bearer {key}")),
        shown((AUTH, f"BEARER  {key}")),
        shown((PLAIN, key)),
    ):
        answer = asking.ask(headers=headers, **AWAY)
        assert (answer.status, asking.events[-1].owner) == (200, "tester")


@pytest.mark.parametrize("where", ["on a network", "at home"])
def test_whatever_else_stands_where_a_key_belongs_is_a_wrong_key(asking, door, where):
    stage, peer = (asking, AWAY) if where == "on a network" else (door, {})
    key = stage.key()
    for headers in (
        shown((AUTH, f"Bearer {key}"), (AUTH, f"Bearer {key}")),
        shown((PLAIN, key), (PLAIN, key)),
        shown((AUTH, f"Bearer {key}"), (PLAIN, key)),
        shown((AUTH, f"Bearer {key}, Bearer {key}")),
        shown((AUTH, f"Basic {key}")),
        shown((AUTH, key)),
        shown((AUTH, "Bearer")),
        shown((AUTH, "")),
        shown((PLAIN, "")),
        shown((PLAIN, f"{key}\n")),
        shown((PLAIN, key[:-1])),
        shown((PLAIN, f"{key}x")),
        shown((PLAIN, key.swapcase())),
    ):
        refused = stage.ask(headers=headers, **peer)
        assert refused.refused == (401, "key_invalid"), headers
        assert "invalid_token" in refused.headers["www-authenticate"]


@pytest.mark.parametrize("path", [MARKETS, "/health", "/mcp", "/nowhere", KEYS])
def test_a_key_in_the_address_is_refused_on_every_path_and_counts_as_leaked(asking, path):
    key = asking.key()
    late = f"{path}/{key}" if path != "/health" else f"/health?{key}=1"
    for address in (f"{path}?key={key}", f"{path}?{key}", f"{path}?a=%63{key[1:]}", late):
        answer = asking.ask(address, headers=bearer(key), **AWAY)
        assert answer.refused == (400, "key_in_query"), address
        assert key[-20:] not in answer.body.decode()


def test_a_wrong_key_costs_its_address_ten_more():
    door = Doorstep(**ASKING, limit_per_ip=100)
    guess = shown((PLAIN, "cmd_live_ab12cd34_" + "A" * 38))
    refused = [door.ask(headers=guess).refused for _ in range(30)]
    assert refused[:9] == [(401, "key_invalid")] * 9
    assert refused.count((401, "key_invalid")) <= 10
    assert refused[-1] == (429, "quota_exceeded")
    key = bearer(door.key())
    assert door.ask(headers=key).refused == (429, "quota_exceeded")
    assert door.ask(headers=key, client=("192.0.2.8", 1)).status == 200


def test_a_key_has_a_limit_of_its_own_and_questions_have_costs():
    door = Doorstep(**ASKING)
    key = bearer(door.key(per_minute=6))
    costly = "/v1/markets/binance-usdm/BTCUSDT/volume-profile"
    first = door.ask(costly, headers=key)
    assert first.status == 200
    assert first.headers["ratelimit-policy"] == '"ip";q=1200;w=60, "key";q=6;w=60'
    assert '"key";r=1;' in first.headers["ratelimit"]
    again = door.ask(costly, headers=key)
    assert again.refused == (429, "quota_exceeded")
    assert int(again.headers["retry-after"]) >= 1
    assert door.ask(headers=key).status == 200


def test_a_table_in_columns_costs_as_much_as_it_takes_to_make():
    door = Doorstep(**ASKING)
    key = bearer(door.key(per_minute=60))
    for asked, left in ((f"{MARKETS}?format=csv", 50), (MARKETS, 49)):
        assert f'"key";r={left};' in door.ask(asked, headers=key).headers["ratelimit"]
    columns = [(b"accept", b"text/csv"), *key]
    assert '"key";r=39;' in door.ask(headers=columns).headers["ratelimit"]


def test_at_home_a_wrong_key_is_counted_and_no_key_is_not():
    door = Doorstep(limit_per_ip=50)
    guess = shown((PLAIN, "cmd_live_ab12cd34_" + "A" * 38))
    refused = [door.ask(headers=guess).refused for _ in range(10)]
    assert refused[0] == (401, "key_invalid")
    assert refused[-1] == (429, "quota_exceeded")
    assert "ratelimit" not in door.ask().headers
    assert [door.ask().status for _ in range(60)] == [200] * 60
