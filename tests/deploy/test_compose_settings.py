import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from composed import (
    BASE,
    CLUSTER,
    OPEN,
    ROOT,
    Composed,
    Variable,
    seconds,
    settings_file,
    variables,
)

from cloud_marketdata.cli import app
from cloud_marketdata.core.config import Settings

PREFIX = "MARKETDATA_"
FILES = {"base": (BASE,), "open": (BASE, OPEN), "cluster": (CLUSTER,)}
CASES = [
    pytest.param(files, name, id=f"{kind}-{name}")
    for kind, files in FILES.items()
    for name in Composed(*files).ours()
]
each_service = pytest.mark.parametrize(("files", "name"), CASES)


@pytest.fixture(autouse=True)
def nothing_of_this_machine(monkeypatch):
    """Take this machine's own settings away."""
    for variable in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(variable)


@pytest.fixture
def settled(monkeypatch):
    """The settings that a process of an environment would use."""

    def settle(files: tuple[Path, ...], name: str) -> Settings:
        return _settings_of(Composed(*files).environment(name), monkeypatch)

    return settle


@each_service
def test_every_variable_is_a_setting(files, name):
    told = {key for key in Composed(*files).environment(name) if key.startswith(PREFIX)}

    assert {key.removeprefix(PREFIX).lower() for key in told} <= Settings.model_fields.keys()


@each_service
def test_the_service_takes_its_settings(files, name, settled):
    settings = settled(files, name)

    assert settings.host == "0.0.0.0"  # noqa: S104  inside a container
    assert str(settings.data_dir) == "/var/lib/marketdata"
    assert settings.redis_url
    assert settings.mongodb_url
    assert settings.s3_bucket


@each_service
def test_the_settings_that_are_printed_hide_every_password(files, name, monkeypatch):
    given = {variable.name: f"planted{at:03}" for at, variable in enumerate(_passwords(files))}
    composed = Composed(*files, given=given)
    environment = composed.environment(name)

    assert any("planted" in value for value in environment.values())
    settings = _settings_of(environment, monkeypatch)
    assert "planted" not in f"{settings} {settings!r}"


@each_service
def test_a_stop_has_more_time_than_the_service_takes(files, name, settled):
    service = Composed(*files).services[name]
    if "stop_grace_period" in service:
        assert seconds(service["stop_grace_period"]) > settled(files, name).stop_timeout_s
    else:
        assert service["restart"] == "on-failure", "a job ends by itself"


@each_service
def test_the_command_is_one_of_ours(files, name):
    command = Composed(*files).services[name].get("command", ["marketdata", "run"])

    assert command[0] == "marketdata"
    app.parse_args(command[1:], exit_on_error=False, print_error=False)


@each_service
def test_the_probe_finds_a_port(files, name, settled):
    settings = settled(files, name)

    assert settings.role in {"all", "serve"} or settings.ops_port


@each_service
def test_every_store_that_is_named_is_a_service_that_can_be_reached(files, name, settled):
    composed = Composed(*files)
    networks = set(composed.services[name]["networks"])
    settings = settled(files, name)
    urls = (settings.redis_url.get_secret_value(), settings.mongodb_url.get_secret_value())
    for url in (*urls, settings.s3_endpoint):
        for one in urlsplit(url).netloc.rpartition("@")[2].split(","):
            host = one.partition(":")[0]
            assert networks & set(_at(composed, host)["networks"]), one


@each_service
def test_the_stores_know_the_passwords_by_which_they_are_asked(files, name, settled):
    composed = Composed(*files)
    settings = settled(files, name)
    redis = _at(composed, urlsplit(settings.redis_url.get_secret_value()).hostname)
    asked = redis["command"][redis["command"].index("--requirepass") + 1]
    mongodb = composed.services["members" if files == (CLUSTER,) else "mongodb"]["environment"]
    url = urlsplit(settings.mongodb_url.get_secret_value())
    minio = composed.services["minio"]["environment"]

    assert urlsplit(settings.redis_url.get_secret_value()).password == asked
    assert redis["environment"]["REDISCLI_AUTH"] == asked
    assert (url.username, url.password) == (mongodb["SERVICE_USER"], mongodb["SERVICE_PASSWORD"])
    assert settings.mongodb_database == mongodb["SERVICE_DATABASE"]
    assert settings.s3_access_key_id == minio["MINIO_ROOT_USER"]
    assert settings.s3_secret_access_key.get_secret_value() == minio["MINIO_ROOT_PASSWORD"]


def test_redis_throws_nothing_away():
    for files, name in (((BASE,), "redis"), ((CLUSTER,), "redis-1")):
        command = Composed(*files).services[name]["command"]
        options = dict(zip(command[1::2], command[2::2], strict=True))

        assert options["--maxmemory-policy"] == "noeviction"
        assert options["--appendonly"] == "yes"


def test_the_cluster_has_every_role_more_than_once(settled):
    roles = [
        settled((CLUSTER,), name).role for name in Composed(CLUSTER).ours() if name != "prepare"
    ]

    assert {role: roles.count(role) for role in roles} == {"collect": 2, "process": 3, "serve": 2}


def test_no_two_processes_share_a_data_folder():
    services = Composed(CLUSTER).services
    folders = [services[name]["volumes"] for name in Composed(CLUSTER).ours()]

    assert len(folders) == len({tuple(one) for one in folders})


def test_opened_to_others_the_service_refuses_to_be_without_keys_or_tls(settled, monkeypatch):
    settings = settled((BASE, OPEN), "app")
    assert settings.asks_for_keys
    assert not settings.allow_open_bind

    monkeypatch.delenv("MARKETDATA_TLS_CERTIFICATE")
    monkeypatch.delenv("MARKETDATA_TLS_KEY")
    with pytest.raises(ValueError, match="needs keys"):
        Settings()


def test_the_cluster_believes_its_proxy_and_nobody_else(settled):
    proxy = Composed(CLUSTER).services["proxy"]["networks"]["back"]["ipv4_address"]

    for name in ("api-1", "api-2"):
        assert settled((CLUSTER,), name).trusted_proxies == (proxy,)
        assert settled((CLUSTER,), name).asks_for_keys
        # Were there another network between them, it would come from another address.
        assert set(Composed(CLUSTER).services[name]["networks"]) == {"back"}


def test_the_example_of_variables_holds_each_with_its_default():
    told = settings_file(ROOT / "deploy/env.example")
    images = {"MINIO_IMAGE", "MC_IMAGE"}

    assert told == {one.name: one.default for one in variables(BASE) if one.name not in images}


def test_no_password_of_the_cluster_has_a_default():
    secret = re.compile(r"PASSWORD|SECRET|_KEY$|PEPPER")
    given = {one for one in variables(CLUSTER) if secret.search(one.name)}

    assert {one.default for one in given} == {None}


def test_a_default_password_says_that_it_is_for_this_machine_alone():
    secret = re.compile(r"PASSWORD|SECRET|MONGODB_KEY")
    defaults = {one.default for one in variables(BASE) if secret.search(one.name)}

    assert defaults == {"local-only", "localonly"}


def _passwords(files: tuple[Path, ...]) -> list[Variable]:
    known = {one for path in files for one in variables(path)}
    return sorted(one for one in known if re.search(r"PASSWORD|SECRET|PEPPER|AUDIT_KEY", one.name))


def _settings_of(environment: dict[str, str], patch: pytest.MonkeyPatch) -> Settings:
    for variable, value in environment.items():
        patch.setenv(variable, value)
    return Settings()


def _at(composed: Composed, host: str) -> dict[str, Any]:
    """Return the service of a name or of a fixed address."""
    if host in composed.services:
        return composed.services[host]
    return next(
        service
        for service in composed.services.values()
        if host == _address(service.get("networks"))
    )


def _address(networks: object) -> str | None:
    return networks["back"].get("ipv4_address") if isinstance(networks, dict) else None
