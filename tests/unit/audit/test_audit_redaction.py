import json

import pytest
from audit_stage import KEY, NOW
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.security.audit.chain import Chain, Head
from cloud_marketdata.security.audit.event import AuditEvent
from cloud_marketdata.security.audit.line import Line, is_genuine, line_in
from cloud_marketdata.security.audit.redact import LONGEST, MOST_PARAMS, redacted, scrubbed

SECRET = "Sw0rdf1sh4tLarge0fGr3atV4lu3XyZ9"  # noqa: S105  it is what must not be told
FIELDS = ("action", "code", "key_id", "owner", "address", "agent", "resource", "request_id")
texts = st.text(max_size=400)


def event(**given: object) -> AuditEvent:
    return AuditEvent(**{"action": "a", "surface": "rest", "outcome": "ok", **given})


@pytest.mark.parametrize(
    "text",
    [
        f"cmd_live_ab12cd34_{SECRET}_abc123",
        f"CMD%5FLIVE%5Fab12cd34%5F{SECRET}",
        f"/v1/markets?key=cmd_live_ab12cd34_{SECRET}_abc123",
        f"Bearer {SECRET}",
        f"Authorization: Bearer {SECRET}",
        f"https://me:{SECRET}@example.com/path",
        f"redis://:{SECRET}@cache:6379/0",
        f"/path?api_key={SECRET}&x=1",
        f"/path?token={SECRET}",
        f'{{"password": "{SECRET}"}}',
    ],
)
@pytest.mark.parametrize("field", FIELDS)
def test_what_looks_like_a_secret_is_hidden_wherever_it_stands(text, field):
    told = redacted(event(**{field: text}))

    assert SECRET not in str(told)
    assert SECRET not in str(redacted(event(params={"x": text, text: "y"})))


@pytest.mark.parametrize(
    "name",
    ["secret", "token", "authorization", "Authorization", "password", "key", "KEY", "api_key",
     "apiKey", "x-api-key", "access_token", "accessToken", "client_secret", "mongodb_password",
     "cookie", "audit_key", "key_peppers"],
)  # fmt: skip
def test_what_is_called_a_secret_is_hidden_whatever_it_looks_like(name):
    assert redacted(event(params={name: "1234"})).params == {name: "***"}


@pytest.mark.parametrize(
    "name", ["key_id", "symbol", "start", "limit", "cursor", "venue", "keyset"]
)
def test_what_is_not_secret_is_told(name):
    assert redacted(event(params={name: "1234"})).params == {name: "1234"}


def test_values_are_cut_and_so_is_their_number():
    told = redacted(event(params={f"p{n:02}": "v" * 300 for n in range(30)}, agent="x" * 9999))

    assert len(told.params) == MOST_PARAMS + 1
    assert told.params["…"] == "10 more"
    assert told.params["p00"] == "v" * (LONGEST - 1) + "…"
    assert len(told.agent) == LONGEST


@given(texts)
def test_every_text_becomes_printable_and_short(text):
    told = scrubbed(text)

    assert told.isprintable()
    assert len(told) <= LONGEST
    assert told == text or not text.isprintable() or len(text) > LONGEST or "***" in told


@given(*(texts for _ in range(4)))
def test_no_text_leaves_its_line_or_becomes_a_field_of_it(agent, resource, name, value):
    given = event(agent=agent, resource=resource, params={name: value})

    raw = Chain("w", KEY, Head()).line(NOW, redacted(given))

    assert raw.count(b"\n") == 1
    assert raw.endswith(b"\n")
    line = line_in(raw)
    assert {*json.loads(raw)} <= {*Line.__struct_fields__}
    assert (line.seq, line.writer, line.action, line.outcome) == (1, "w", "a", "ok")
    assert (line.agent, line.resource) == (scrubbed(agent), scrubbed(resource))
    assert is_genuine(raw[:-1], KEY)


def test_half_a_character_is_written_as_an_escape():
    assert scrubbed("/\udcff\u202e\x1b[2J\n") == "/\\udcff\\u202e\\x1b[2J\\n"
