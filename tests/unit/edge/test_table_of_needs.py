"""Every route stands in the table of what it needs; what does not stand there is not reached."""

import re

import pytest
from doorstep import ASKING, Doorstep, bearer
from fastapi.routing import iter_route_contexts
from hypothesis import given
from hypothesis import strategies as st
from starlette.routing import compile_path

from cloud_marketdata.api.edge.directory import Directory
from cloud_marketdata.api.edge.needs import NEEDS, OPEN, PROBE, SOCKET
from cloud_marketdata.security.identity import Scope
from cloud_marketdata.security.limits.costs import ROUTES

TABLE = {route: need for need, routes in NEEDS.items() for route in routes}


def served(app) -> set[str]:
    """Return method and template of every route of an application, also of those not described."""
    found = set()
    for context in iter_route_contexts(app.routes):
        route = getattr(context, "original_route", context)
        path = context.path or route.path
        live = type(route).__name__ == "WebSocketRoute"
        methods = {SOCKET} if live else (context.methods or {"POST"})
        found |= {f"{method} {path}" for method in methods if method != "HEAD"}
    return found


def test_every_route_stands_in_the_table_and_nothing_else_does():
    assert served(Doorstep().app) == set(TABLE)


def test_no_route_stands_there_twice():
    assert sum(len(routes) for routes in NEEDS.values()) == len(TABLE)


def test_every_route_has_a_cost():
    templates = {route.partition(" ")[2] for route in TABLE}
    assert templates - set(ROUTES) == set()


def test_only_what_describes_the_service_is_open():
    assert set(NEEDS[PROBE]) == {"GET /live", "GET /ready"}
    assert set(NEEDS[OPEN]) == {
        "GET /health",
        "GET /openapi.json",
        "GET /asyncapi.json",
        "WEBSOCKET /v1/stream",
    }


def test_a_route_that_nobody_named_is_reached_by_nobody():
    door = Doorstep()

    @door.app.get("/v1/forgotten")
    async def forgotten() -> str:
        return "secret"

    @door.app.delete("/v1/markets")
    async def forget() -> str:
        return "gone"

    key = bearer(door.key(*Scope))
    for headers in ([], key):
        assert door.ask("/v1/forgotten", headers=headers).refused == (404, "not_found")
        refused = door.ask("/v1/markets", "DELETE", headers)
        assert refused.refused == (405, "method_not_allowed")
        assert refused.headers["allow"] == "GET"


@pytest.mark.parametrize("route", sorted(set(TABLE) - {*NEEDS[OPEN], *NEEDS[PROBE]}))
def test_a_route_that_is_not_open_needs_a_key_with_its_scope(route):
    door = asking()
    method, _, template = route.partition(" ")
    path = re.sub(r"{\w+}", "x", template)
    assert door.ask(path, method).refused == (401, "key_missing")
    scope = TABLE[route].scope
    if scope is not None:
        others = bearer(KEYS[scope])
        assert door.ask(path, method, others).refused == (403, "scope_missing")


def asking() -> Doorstep:
    """Return one application for all of them, with a key that lacks each scope."""
    if not DOOR:
        DOOR.append(Doorstep(**ASKING, limit_per_ip=100_000))
        KEYS.update({lacks: DOOR[0].key(*(set(Scope) - {lacks})) for lacks in Scope})
    return DOOR[0]


DOOR: list[Doorstep] = []
KEYS: dict[Scope, str] = {}
WORDS = sorted({word for route in TABLE for word in route.partition(" ")[2].split("/")})
segments = st.sampled_from(WORDS) | st.sampled_from(["BTCUSDT", "", "..", "{}", "%2e", "a\n", "é"])
paths = st.lists(segments, max_size=7).map("/".join) | st.text(max_size=30)


@given(paths, st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "x"]))
def test_a_path_is_matched_as_the_router_matches_it(path, method):
    place = Directory(NEEDS).find(method, path)
    matching = {
        route
        for route in TABLE
        if compile_path(route.partition(" ")[2])[0].match(path)
        and not path.endswith("\n")
        and "{}" not in path
    }
    found = f"{place.method} {place.template}"
    if place.instead is None:
        assert found in matching
        assert place.need == TABLE[found]
    elif place.instead:
        assert place.template in {route.partition(" ")[2] for route in matching}
        assert f"{method} {place.template}" not in TABLE
    else:
        assert not {route for route in matching if not route.startswith(SOCKET)}
