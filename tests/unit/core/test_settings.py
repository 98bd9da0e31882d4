"""Settings come from arguments, environment and file, in this order, and refuse what is wrong."""

import pytest
from pydantic import ValidationError

from cloud_marketdata.core.config import ENDPOINTS, Settings, goes_in_the_clear, load
from cloud_marketdata.core.errors import SettingsError
from cloud_marketdata.domain.values import Venue


@pytest.fixture
def file(tmp_path, monkeypatch):
    for name in ("PORT", "SYMBOLS", "HOST"):
        monkeypatch.delenv(f"MARKETDATA_{name}", raising=False)
    return tmp_path / "settings.toml"


def test_a_file_is_read_and_yields_to_the_environment_and_that_to_arguments(file, monkeypatch):
    file.write_text('port = 1\nsave_ms = 500\n[symbols]\nbybit-spot = ["ETHUSDT"]\n')
    found = load(file)
    assert (found.port, found.save_ms) == (1, 500)
    assert found.symbols == {Venue.BYBIT_SPOT: ("ETHUSDT",)}
    monkeypatch.setenv("MARKETDATA_PORT", "2")
    assert load(file).port == 2
    assert load(file, port=3).port == 3


@pytest.mark.parametrize("text", ["port = ", "unheard_of = 1", "port = 70000"])
def test_a_file_that_is_wrong_is_refused(file, text):
    file.write_text(text)
    with pytest.raises((SettingsError, ValidationError)):
        load(file)


def test_a_file_that_is_not_there_is_refused(file):
    with pytest.raises(FileNotFoundError):
        load(file)


def test_a_variable_that_is_no_json_is_refused(file, monkeypatch):
    del file
    monkeypatch.setenv("MARKETDATA_SYMBOLS", "garbage")
    with pytest.raises(SettingsError):
        load()


def test_naming_one_endpoint_leaves_the_others():
    given = {"binance-spot": {"ws": "ws://127.0.0.1:1", "rest": "http://127.0.0.1:1"}}
    found = Settings(endpoints=given).endpoints
    assert found[Venue.BINANCE_SPOT].ws == "ws://127.0.0.1:1"
    assert found[Venue.BYBIT_SPOT] == ENDPOINTS[Venue.BYBIT_SPOT]


@pytest.mark.parametrize("host", ["192.0.2.2", "::", "192.0.2.1", "example.org"])
def test_listening_beyond_loopback_is_refused_unless_accepted(host):
    with pytest.raises(ValidationError, match="loopback"):
        Settings(host=host)
    assert Settings(host=host, allow_open_bind=True).host == host


@pytest.mark.parametrize(
    "given",
    [
        {"moon": {"quote": "USDT", "top": 1}},
        {"binance-spot": {"quote": "usdt", "top": 1}},
        {"binance-spot": {"quote": "USDT", "top": 0}},
        {"binance-spot": {"quote": "USDT", "top": 1, "every_minutes": 0}},
        {"binance-spot": {"quote": "USDT"}},
        {"binance-spot": {"quote": "USDT", "top": 1, "min_volume": 5}},
    ],
)
def test_a_senseless_wish_to_discover_is_refused(given):
    with pytest.raises(ValidationError, match="discover"):
        Settings(discover=given)


def test_what_to_discover_is_read_from_a_file(file):
    file.write_text('[discover.bybit-linear]\nquote = "USDT"\ntop = 20\n')
    found = load(file).discover[Venue.BYBIT_LINEAR]
    assert (found.quote, found.top, found.every_minutes) == ("USDT", 20, 60)


@pytest.mark.parametrize(
    "given",
    [
        {"redis_cluster": True},
        {"redis_replicas": 1},
        {"s3_endpoint": "http://127.0.0.1:9000"},
        {"s3_bucket": "days", "s3_access_key_id": "name without secret"},
        {"s3_secret_access_key": "secret without bucket", "s3_access_key_id": "name"},
        {"mongodb_database": "a.b"},
    ],
)
def test_half_a_tier_is_refused(given):
    with pytest.raises(ValidationError):
        load(**given)


def test_secrets_of_the_stores_are_masked_wherever_settings_are_shown():
    hidden = "it-must-not-be-seen"
    settings = load(
        redis_url=f"redis://user:{hidden}@host",
        mongodb_url=f"mongodb://user:{hidden}@host",
        s3_bucket="days",
        s3_access_key_id="name",
        s3_secret_access_key=hidden,
    )
    assert hidden not in f"{settings} {settings!r} {settings.model_dump_json()}"


@pytest.mark.parametrize(
    ("url", "open_"),
    [
        ("redis://127.0.0.1:6379/0", False),
        ("redis://user:p%40ss@[::1]:6379", False),
        ("redis://cache.example:6379/0", True),
        ("rediss://cache.example:6379/0", False),
        ("mongodb://localhost,127.0.0.1:27018/?replicaSet=rs0", False),
        ("mongodb://localhost,db.example:27018/?replicaSet=rs0", True),
        ("mongodb://db.example/?tls=true", False),
        ("mongodb://db.example/?ssl=true&replicaSet=rs0", False),
        ("mongodb+srv://db.example/", False),
    ],
)
def test_a_store_on_another_machine_without_tls_is_noticed(url, open_):
    assert goes_in_the_clear(url) is open_
