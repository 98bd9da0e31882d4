"""Every numeric parameter of every route that the service describes, given what is no number."""

import pytest
from fortress import refusal
from openapi_walk import NEVER_A_NUMBER, Route, out_of_bounds, routes_of
from rawhttp import fresh_address

REVERSED = {"start": "2000000000000", "end": "1000000000000"}
EMPTY = {"start": "1700000000000", "end": "1700000000000"}
ENORMOUS = {"start": "0", "end": "4102444799999"}


@pytest.fixture(scope="module")
def routes(fortress) -> list[Route]:
    answer = fortress.ask("/openapi.json", "all")
    assert answer.status == 200
    return routes_of(answer.document)


def test_the_description_has_numbers_to_try(routes):
    tried = [(route.path, name) for route in routes for name, _ in route.numbers()]

    assert len(tried) > 40


def test_what_is_no_number_is_refused_for_every_parameter(fortress, routes):
    for route in routes:
        for name, shape in route.numbers():
            address = fresh_address()
            for wrong in (*NEVER_A_NUMBER, *out_of_bounds(shape)):
                target = route.target(**{name: wrong})
                answer = fortress.ask(target, "all", method=route.method, address=address)
                told = (route.path, name, wrong[:40], answer.status, answer.body[:300])
                assert answer.status in {400, 404, 413, 414, 422}, told
                assert answer.code, told
                assert "x-injected" not in answer.headers


@pytest.mark.parametrize("wrong", [REVERSED, EMPTY], ids=["reversed", "empty"])
def test_a_range_that_is_none_is_refused(fortress, routes, wrong):
    for route in filter(lambda one: one.ranged, routes):
        answer = fortress.ask(route.target(**wrong), "all")
        told = (route.path, answer.body[:300])
        # Two venues are compared only after a while.
        assert refusal(answer) in {(400, "bad_time"), (404, "unknown_market")}, told


def test_all_of_time_is_a_page_or_is_refused(fortress, routes):
    for route in filter(lambda one: one.ranged, routes):
        answer = fortress.ask(route.target(**ENORMOUS), "all")
        told = (route.path, answer.status, len(answer.body))
        assert answer.code in {"limit_exceeded", "unknown_market"} or answer.status == 200, told
        assert len(answer.body) < 1_000_000, told
