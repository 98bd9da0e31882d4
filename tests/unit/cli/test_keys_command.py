"""`marketdata keys`: made, told once, listed, replaced and taken back in a deployment's stores."""

import asyncio
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from random import SystemRandom

import pytest
import structlog

from cloud_marketdata.cli import run
from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.config import load
from cloud_marketdata.security.identity import Identity, Scope
from cloud_marketdata.security.keys.form import parse
from cloud_marketdata.security.keys.keyring import Keyring
from cloud_marketdata.security.keys.pepper_file import open_peppers
from cloud_marketdata.security.refusals import KeyRevokedError
from cloud_marketdata.storage.deployment import Deployment, open_warm


@pytest.fixture(autouse=True)
def logs_of_their_own() -> Iterator[None]:
    """A command sets up logging for its process, which here is everybody's."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A data folder that is not there yet."""
    monkeypatch.setenv("MARKETDATA_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def identified(key: str, address: str = "192.0.2.7") -> Identity:
    """Return whom a service over the same folder takes the bearer for."""

    async def run_() -> Identity:
        settings, clock, random = load(), SystemClock(), SystemRandom()
        async with open_warm(Deployment(settings, clock, random, appends=False)) as warm:
            keyring = Keyring(warm.keys, open_peppers(settings, random), clock, settings)
            return await keyring.identify(key, address)

    return asyncio.run(run_())


def created(capsys, *options: str) -> str:
    """Create a key and return what stands on stdout."""
    line = ["keys", "create", "--owner", "me", "--scope", "market:read", *options]
    assert run(line) == 0
    return capsys.readouterr().out.strip()


def listed(capsys) -> list[dict]:
    assert run(["keys", "list", "--json"]) == 0
    return json.loads(capsys.readouterr().out)["keys"]


def test_a_first_key_of_a_fresh_folder_is_taken_by_a_service_over_it(folder, capsys):
    key = created(capsys)
    assert identified(key)._replace(retires_at=0, ends_at=0) == Identity(
        parse(key).id, "me", frozenset({Scope.MARKET_READ})
    )
    assert (folder / "warm.db").exists()


def test_the_key_stands_alone_on_stdout_and_what_it_is_on_stderr(folder, capsys):
    del folder
    assert run(["keys", "create", "--owner", "me", "--scope", "market:read"]) == 0
    told = capsys.readouterr()
    key = parse(told.out.strip())
    assert told.err.startswith(f"marketdata: key {key.id} of me: rotate it from 20")
    assert key.text not in told.err


def test_all_that_can_be_wished_is_kept(folder, capsys):
    del folder
    more = ("stream:read", "--network", "192.0.2.0/24", "2001:db8::/32", "--per-minute", "60")
    key = created(capsys, *more)
    [told] = listed(capsys)
    assert told["id"] == parse(key).id
    assert told["scopes"] == ["market:read", "stream:read"]
    assert told["networks"] == ["192.0.2.0/24", "2001:db8::/32"]
    assert (told["per_minute"], told["state"], told["used_at"]) == (60, "active", None)


def test_with_a_file_the_key_is_in_it_alone_and_its_owner_alone_may_read_it(
    folder, capsys, tmp_path
):
    del folder
    path = tmp_path / "client.key"
    assert (
        run(["keys", "create", "--owner", "me", "--scope", "market:read", "--file", f"{path}"]) == 0
    )
    told = capsys.readouterr()
    key = parse(path.read_text().strip())
    assert key.text not in told.out + told.err
    assert key.id in told.out
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert identified(key.text).owner == "me"


def test_where_the_file_cannot_be_written_no_key_is_made(folder, capsys, tmp_path):
    del folder
    path = str(tmp_path / "no" / "key")
    assert run(["keys", "create", "--owner", "me", "--scope", "market:read", "--file", path]) == 2
    assert capsys.readouterr().out == ""
    assert listed(capsys) == []


def test_json_tells_the_key_once_and_never_with_a_file(folder, capsys, tmp_path):
    del folder
    told = json.loads(created(capsys, "--json"))
    assert parse(told["key"]).id == told["id"]
    written = json.loads(created(capsys, "--json", "--file", str(tmp_path / "key")))
    assert "key" not in written
    assert written.keys() == told.keys() - {"key"}


def test_a_list_tells_no_secret_and_no_hash(folder, capsys):
    key = created(capsys)
    for options in ([], ["--json"]):
        assert run(["keys", "list", *options]) == 0
        told = capsys.readouterr().out
        assert parse(key).id in told
        assert key not in told
    assert not {"mac", "pepper"} & listed(capsys)[0].keys()
    kept = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert not [found for found in kept if key.encode() in found]


def test_a_successor_and_its_elder_are_both_taken(folder, capsys):
    del folder
    old = created(capsys)
    assert run(["keys", "rotate", parse(old).id]) == 0
    new = capsys.readouterr().out.strip()
    assert identified(new).owner == identified(old).owner == "me"
    states = {told["id"]: told["state"] for told in listed(capsys)}
    assert states == {parse(old).id: "retiring", parse(new).id: "active"}


@pytest.mark.parametrize(("options", "both"), [((), False), (("--lineage",), True)])
def test_what_was_taken_back_is_refused(folder, capsys, options, both):
    del folder
    old = created(capsys)
    run(["keys", "rotate", parse(old).id])
    new = capsys.readouterr().out.strip()
    assert run(["keys", "revoke", parse(new).id, *options]) == 0
    with pytest.raises(KeyRevokedError):
        identified(new)
    if both:
        with pytest.raises(KeyRevokedError):
            identified(old)
    else:
        assert identified(old).owner == "me"


@pytest.mark.parametrize(
    "line",
    [
        "keys create --owner me",
        "keys create --scope market:read",
        "keys create --owner me --scope everything",
        "keys create --owner me --scope market:read --network 10.0.0.1/8",
        "keys create --owner me --scope market:read --per-minute 0",
        "keys create --owner me --scope market:read --sink ../../etc/passwd",
        "keys rotate",
        "keys rotate abcdefgh",
        "keys revoke abcdefgh",
        "keys revoke cmd_live_abcdefgh_sssssssssssssssssssssssssssssssssssss",
    ],
)
def test_what_cannot_be_is_one_line_and_exit_2(folder, capsys, line):
    del folder
    assert run(line.split()) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.splitlines()) == 1
    assert "sssss" not in told.err


def test_stores_in_memory_keep_no_keys(folder, capsys, monkeypatch):
    monkeypatch.setenv("MARKETDATA_STORAGE", "memory")
    assert run(["keys", "create", "--owner", "me", "--scope", "market:read"]) == 2
    assert "memory" in capsys.readouterr().err
    assert not folder.exists()


def test_the_event_names_the_key_that_was_made_and_never_its_secret(folder, capsys):
    key = parse(created(capsys))
    run(["keys", "revoke", key.id])
    written = "".join(file.read_text() for file in folder.glob("audit/*/*.jsonl"))
    events = [json.loads(line) for line in written.splitlines()]
    made = {event["action"]: event.get("resource") for event in events}
    assert made["cli keys create"] == made["cli keys revoke"] == key.id
    assert key.text not in written
