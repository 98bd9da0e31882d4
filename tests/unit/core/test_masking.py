"""Secrets are hidden in any text, and nothing else is."""

import string
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from cloud_marketdata.core import masking
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.masking import (
    HIDDEN,
    KEY_PREFIX,
    hide,
    is_secret_name,
    masked,
    masked_value,
    secrets_of,
)

BASE62 = string.digits + string.ascii_letters
IDS = st.text(BASE62, min_size=8, max_size=8)
TAILS = st.text(BASE62, min_size=38, max_size=38)
WORDS = st.text(st.characters(codec="utf-8"), max_size=30)
PASSWORDS = st.text(BASE62 + "!$%&*+,-./:;=?@[]^{|}~#'\"<>", min_size=12, max_size=60)


@pytest.fixture
def nothing_known() -> Iterator[None]:
    """What a test hides is hidden for the whole process."""
    before = list(masking._known)
    yield
    masking._known[:] = before


@given(IDS, TAILS, WORDS, WORDS)
def test_of_a_key_the_id_alone_stays(key_id, tail, before, after):
    told = masked(f"{before} {KEY_PREFIX}{key_id}_{tail} {after}")
    assert tail not in told
    assert f"{KEY_PREFIX}{key_id}_{HIDDEN}" in told or "=" in before or ":" in before


@given(IDS, TAILS, st.integers(1, 37))
def test_a_key_that_was_cut_short_is_hidden_too(key_id, tail, kept):
    assert masked(f"{KEY_PREFIX}{key_id}_{tail[:kept]}") == f"{KEY_PREFIX}{key_id}_{HIDDEN}"


@pytest.mark.parametrize(
    "text",
    [
        "cmd%5flive%5Fab12cd34%5f{}",
        "cmd_live_ab12cd34{}",
        "cmd_live_ab1_{}",
        "CMD_LIVE_ab12cd34_{}",
    ],
)
def test_a_key_that_was_encoded_or_mistyped_is_hidden_too(text):
    told = masked(text.format("s" * 30))
    assert "ss" not in told
    assert told.endswith(f"_{HIDDEN}")


@given(
    st.sampled_from(["redis", "rediss", "mongodb", "mongodb+srv", "REDIS"]),
    st.sampled_from(["", "user"]),
    PASSWORDS,
    st.sampled_from(["{}", "'{}'", "cannot reach {}: refused", '{{"url": "{}"}}']),
)
def test_the_password_of_a_store_is_hidden_however_it_is_written(scheme, user, password, around):
    told = masked(around.format(f"{scheme}://{user}:{password}@127.0.0.1:6379/0"))
    assert password not in told
    assert told == around.format(f"{scheme}://{HIDDEN}@127.0.0.1:6379/0")


@given(
    st.sampled_from(["https", "wss", "http", "socks5"]), st.text(BASE62, min_size=8, max_size=40)
)
def test_credentials_before_any_host_are_hidden(scheme, password):
    told = masked(f"{scheme}://me:{password}@example.org/v1")
    assert told == f"{scheme}://{HIDDEN}@example.org/v1"


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer {}",
        "authorization: Basic {}",
        "{{'Authorization': 'Bearer {}'}}",
        "X-API-Key: {}",
        '{{"password": "{}", "n": 1}}',
        "db_password={}&n=1",
        "--token={}",
        "aws_secret_access_key = {}",
        "?X-Amz-Credential=a%2Fb&X-Amz-Signature={}",
        "sent bearer {}",
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----",
        "-----BEGIN EC PRIVATE KEY-----\n{}",
    ],
)
def test_a_credential_is_known_by_its_name(text):
    secret = "super-secret+value/of=this"  # noqa: S105  planted, to be hidden
    told = masked(text.format(secret))
    assert secret not in told
    assert HIDDEN in told


@pytest.mark.parametrize(
    "text",
    [
        "wss://stream.binance.com:9443/stream?streams=btcusdt@trade/btcusdt@depth@100ms",
        "redis://127.0.0.1:6379/0 is away",
        "mongodb://127.0.0.1:27017/?replicaSet=rs0",
        "https://api.bybit.com/v5/market/kline?symbol=BTCUSDT",
        "another process already does collect in var/data",
        "unexpected token at position 3",
        "symbol=BTCUSDT&start=1762300800000",
        "the key of this market is md:{binance-spot:BTCUSDT}:trades",
        f"{KEY_PREFIX}ab12cd34",
        "monkey=1",
    ],
)
def test_what_is_no_secret_stays_as_it_is(text):
    assert masked(text) == text


@given(st.text(max_size=200))
def test_masking_what_is_masked_changes_nothing(text):
    once = masked(text)
    assert masked(once) == once


@pytest.mark.parametrize("piece", ["redis://", "a.", "password=", "a_", "token ", "Bearer ", "://"])
def test_a_long_text_of_any_kind_is_read_at_once(piece):
    # With a pattern that looks twice at what it has seen, this would take minutes.
    assert len(masked(piece * (100_000 // len(piece)))) > 0


def test_values_are_masked_as_deep_as_they_go():
    key = f"{KEY_PREFIX}ab12cd34_{'x' * 38}"
    event = {
        "n": 1,
        "off": None,
        "ratio": 0.5,
        "list": [key, {"deep": (key,)}],
        "api_key": "whatever",
        "error": ValueError(f"redis://:{'p' * 9}@host"),
    }
    short = f"{KEY_PREFIX}ab12cd34_{HIDDEN}"
    assert masked_value(event) == {
        "n": 1,
        "off": None,
        "ratio": 0.5,
        "list": [short, {"deep": [short]}],
        "api_key": HIDDEN,
        "error": f"ValueError('redis://{HIDDEN}@host')",
    }


@pytest.mark.parametrize("name", ["password", "s3_secret_access_key", "key_peppers", "X-API-Key"])
def test_a_field_that_is_called_so_is_a_secret(name):
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["key", "key_id", "tokens", "symbol", "tls_key", "passed"])
def test_other_fields_are_not(name):
    assert not is_secret_name(name)


@given(PASSWORDS)
def test_every_form_of_a_secret_of_the_settings_is_known(password):
    inside = quote(password, safe="")
    settings = Settings(
        redis_url=f"redis://user:{inside}@host:6379/0",
        mongodb_url=f"mongodb://user:{password}@host",
        key_peppers={"first": SecretStr("pepper-of-many-letters")},
    )
    known = secrets_of(settings)
    assert {"pepper-of-many-letters", inside, password} <= known


@pytest.mark.usefixtures("nothing_known")
def test_what_this_process_holds_is_hidden_wherever_it_stands():
    hide(["a secret of no form", "a secret of no form whatever"])
    told = masked("port 'a secret of no form whatever' is no number, nor is a secret of no form")
    assert told == f"port '{HIDDEN}' is no number, nor is {HIDDEN}"


def test_a_short_secret_does_not_make_logs_unreadable():
    assert secrets_of(Settings(redis_url="redis://:admin@host")) == set()


@pytest.mark.usefixtures("nothing_known")
def test_where_a_store_is_may_be_told():
    settings = Settings(redis_url="redis://me:of-many-letters@host:1", mongodb_url="mongodb://host")
    hide(secrets_of(settings))
    told = masked("redis://me:of-many-letters@host:1 and mongodb://host, of-many-letters")
    assert told == f"redis://{HIDDEN}@host:1 and mongodb://host, {HIDDEN}"
