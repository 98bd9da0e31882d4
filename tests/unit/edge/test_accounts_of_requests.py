"""Requests are counted by their route's template, and a stranger's words never name a series."""

from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.api.edge.accounts import Accounts
from cloud_marketdata.core.telemetry.catalogue import HTTP_REQUESTS, HTTP_SECONDS, MCP_SECONDS
from cloud_marketdata.security.audit.event import AuditEvent

ROUTES = ("/health", "/v1/markets", "/v1/markets/{venue}/{symbol}/trades")
words = st.text(st.characters(exclude_characters=" {}"), max_size=12)
events = st.one_of(
    st.builds(
        AuditEvent,
        action=st.builds("GET {}".format, st.sampled_from(ROUTES)),
        surface=st.just("rest"),
        outcome=st.just("ok"),
        status=st.sampled_from([200, 304, 422, 503]),
        latency_us=st.integers(0, 10**8),
        resource=words,
    ),
    st.builds(
        AuditEvent,
        action=st.builds("{} (nowhere)".format, words),
        surface=st.just("rest"),
        outcome=st.just("refused"),
        status=st.just(404),
        resource=words,
    ),
    st.builds(
        AuditEvent,
        action=st.builds("mcp tools/call {}".format, words),
        surface=st.just("mcp"),
        outcome=st.just("refused"),
        code=st.just("unknown_tool"),
        status=st.just(200),
    ),
)


def told(accounts: Accounts) -> dict[str, dict[tuple[str, ...], object]]:
    found: dict[str, dict[tuple[str, ...], object]] = {}
    for metric, labels, value in accounts.measures():
        assert labels not in found.setdefault(metric.name, {})
        found[metric.name][labels] = value
    return found


@given(st.lists(events, max_size=60))
def test_every_event_counts_once_and_is_handed_on(given_events):
    handed: list[AuditEvent] = []
    accounts = Accounts(handed.append)
    for event in given_events:
        accounts.record(event)
    assert handed == given_events
    seen = told(accounts)
    assert sum(seen.get(HTTP_REQUESTS.name, {}).values()) == len(given_events)
    assert sum(one.count for one in seen.get(HTTP_SECONDS.name, {}).values()) == len(given_events)
    routes = {route for route, _, _ in seen.get(HTTP_REQUESTS.name, {})}
    assert routes <= {*ROUTES, "unmatched", "/mcp"}
    assert {tool for tool, _ in seen.get(MCP_SECONDS.name, {})} <= {"unmatched"}


def test_a_tools_call_is_a_request_to_mcp_and_a_call_of_the_tool():
    accounts = Accounts(lambda _: None)
    event = AuditEvent("mcp tools/call get_depth", "mcp", "ok", status=200, latency_us=20_000)
    accounts.record(event)
    seen = told(accounts)
    assert seen[HTTP_REQUESTS.name] == {("/mcp", "POST", "200"): 1}
    (((tool, outcome), seconds),) = seen[MCP_SECONDS.name].items()
    assert (tool, outcome) == ("get_depth", "ok")
    assert 0.019 < seconds.quantile(0.5) < 0.021


def test_a_handshake_that_came_to_nothing_is_a_request_to_the_stream():
    accounts = Accounts(lambda _: None)
    accounts.record(AuditEvent("ws.connect", "ws", "refused", status=403))
    assert told(accounts)[HTTP_REQUESTS.name] == {("/v1/stream", "WEBSOCKET", "403"): 1}
