"""Beyond loopback nothing starts by accident: it needs keys and TLS, or is told to do without."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cloud_marketdata.cli import run
from cloud_marketdata.core.config import Settings, is_loopback

BEYOND = ("0.0.0.0", "::", "192.0.2.1", "2001:db8::1", "example.org", "localhost.example.org", "")  # noqa: S104  refused
HOME = ("127.0.0.1", "127.9.9.9", "::1", "localhost")
PAIR = {"tls_certificate": Path("server.pem"), "tls_key": Path("key.pem")}


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for name in [name for name in os.environ if name.startswith("MARKETDATA_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize("host", BEYOND)
@pytest.mark.parametrize(
    "given_", [{}, {"require_keys": "never", **PAIR}, {"require_keys": "always"}]
)
def test_without_keys_or_without_tls_it_is_refused(host, given_):
    with pytest.raises(ValidationError, match="not loopback: that needs keys"):
        Settings(host=host, **given_)


@pytest.mark.parametrize("host", BEYOND)
@pytest.mark.parametrize("require_keys", ["auto", "always"])
def test_with_both_it_is_allowed_and_asks_for_keys(host, require_keys):
    settings = Settings(host=host, require_keys=require_keys, **PAIR)
    assert settings.asks_for_keys


@pytest.mark.parametrize("host", BEYOND)
@pytest.mark.parametrize(
    ("require_keys", "asks"), [("auto", True), ("always", True), ("never", False)]
)
def test_the_override_is_believed_and_asks_for_keys_unless_told_otherwise(host, require_keys, asks):
    settings = Settings(host=host, require_keys=require_keys, allow_open_bind=True)
    assert settings.asks_for_keys is asks


@pytest.mark.parametrize("host", HOME)
def test_loopback_needs_nothing_and_asks_for_no_keys_unless_told_to(host):
    assert not Settings(host=host).asks_for_keys
    assert Settings(host=host, require_keys="always").asks_for_keys


@given(st.ip_addresses())
def test_an_address_is_loopback_where_the_machine_says_so(address):
    assert is_loopback(str(address)) is address.is_loopback


@pytest.mark.parametrize(
    ("given_", "named"),
    [
        ({"tls_certificate": "server.pem"}, "tls_key"),
        ({"tls_key": "key.pem"}, "tls_certificate"),
        ({"tls_client_ca": "ca.pem"}, "tls_client_ca"),
        ({"key_rotate_days": 31, "key_days": 30}, "key_rotate_days"),
        ({"key_cache_s": 61}, "key_cache_s"),
        ({"limit_per_ip": 0}, "limit_per_ip"),
        ({"require_keys": "maybe"}, "require_keys"),
        ({"limits_when_away": "panic"}, "limits_when_away"),
    ],
)
def test_half_a_guard_is_refused_by_its_name(given_, named):
    with pytest.raises(ValidationError) as raised:
        Settings(**given_)
    assert named in str(raised.value)


@pytest.mark.parametrize(
    "more", [{}, {"MARKETDATA_REQUIRE_KEYS": "always"}, {"MARKETDATA_REQUIRE_KEYS": "never"}]
)
def test_a_start_that_is_refused_is_exit_2_and_one_line_that_says_what_to_do(
    more, capsys, monkeypatch, tmp_path
):
    for name, value in {**more, "MARKETDATA_DATA_DIR": str(tmp_path / "none")}.items():
        monkeypatch.setenv(name, value)
    assert run(["run", "--host", "0.0.0.0", "--port", "0"]) == 2  # noqa: S104  refused
    [line] = capsys.readouterr().err.splitlines()
    assert all(word in line for word in ("require_keys", "tls_certificate", "allow_open_bind"))
    assert not (tmp_path / "none").exists()
