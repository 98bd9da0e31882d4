"""Whatever is wrong with a setting that holds a secret, no command tells the secret."""

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
import structlog
from processes import COMMAND

from cloud_marketdata.cli import run
from cloud_marketdata.core import masking
from cloud_marketdata.core.config import Settings, load
from cloud_marketdata.core.logs import mask_process

FIRST, SECOND = "pl4nted", "s3cretive"
BETWEEN = ("-", "/", "#", "@", "?", "%zz", "%2F", "[", "]", ":", " ", "&", "\\", "'", '"')
ADDRESS = "127.0.0.1:9"


@pytest.fixture(autouse=True)
def as_before(monkeypatch, tmp_path) -> Iterator[None]:
    """What a command sets up for its process is not left to the next test."""
    for name in [name for name in os.environ if name.startswith("MARKETDATA_")]:
        monkeypatch.delenv(name)
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("MARKETDATA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MARKETDATA_STORE_TIMEOUT_S", "0.05")
    before, known = structlog.get_config(), list(masking._known)
    factory = logging.getLogRecordFactory()
    logging.setLogRecordFactory(logging.LogRecord)
    yield
    structlog.configure(**before)
    logging.setLogRecordFactory(factory)
    masking._known[:] = known


def told(capsys, tmp_path, *line: str) -> str:
    """Run a command and return all that it told, on its streams and in its audit event."""
    run(line)
    said = capsys.readouterr()
    audited = "".join(path.read_text() for path in tmp_path.rglob("*.jsonl"))
    return said.out + said.err + audited


@pytest.mark.parametrize("between", BETWEEN)
@pytest.mark.parametrize(
    ("name", "url", "line"),
    [
        ("REDIS_URL", f"redis://me:{{}}@{ADDRESS}/0", ("rebuild",)),
        ("REDIS_URL", f"redis://:{{}}@{ADDRESS}/0", ("rebuild",)),
    ],
)
def test_a_store_that_is_away_or_a_url_that_is_none(
    name, url, line, between, capsys, monkeypatch, tmp_path
):
    monkeypatch.setenv(f"MARKETDATA_{name}", url.format(f"{FIRST}{between}{SECOND}"))
    said = told(capsys, tmp_path, *line)
    assert said
    assert FIRST not in said
    assert SECOND not in said


@pytest.mark.parametrize("between", ["-", "/", "@", "[", "%2F"])
def test_a_mongodb_that_is_away_or_whose_url_is_none(between, monkeypatch, tmp_path):
    url = f"mongodb://me:{FIRST}{between}{SECOND}@{ADDRESS}/"
    monkeypatch.setenv("MARKETDATA_MONGODB_URL", url)
    # A process of its own, because pymongo leaves sockets to the garbage where it is refused.
    done = subprocess.run([*COMMAND, "keys", "list"], capture_output=True, text=True, check=False)
    said = (
        done.stdout + done.stderr + "".join(path.read_text() for path in tmp_path.rglob("*.jsonl"))
    )
    assert done.returncode in {1, 2}
    assert "marketdata: " in said
    assert FIRST not in said
    assert SECOND not in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KEY_PEPPERS", '{"first": "%s"}'),
        ("KEY_PEPPERS", "%s"),
        ("KEY_PEPPERS", '["%s"]'),
        ("KEY_PEPPERS", '{"first": {"second": "%s"}}'),
        ("KEY_PEPPERS", '{"first": "%s"'),
        ("AUDIT_KEY", "%s"),
        ("S3_SECRET_ACCESS_KEY", "%s"),
        ("REDIS_URL", "%s"),
        ("MONGODB_URL", "%s"),
        ("MONGODB_URL", "mongodb://me:%s"),
        ("S3_ENDPOINT", "https://me:%s@127.0.0.1:9"),
        ("ENDPOINTS", '{"bybit-spot": {"ws": "ws://me:%s@h", "rest": "http://me:%s@h"}}'),
    ],
)
@pytest.mark.parametrize(
    "line", [("config",), ("config", "--json"), ("keys", "list"), ("rebuild",)]
)
def test_a_setting_that_is_wrong_or_stands_beside_a_wrong_one(
    name, value, line, capsys, monkeypatch, tmp_path
):
    secret = f"{FIRST}-{SECOND}"
    monkeypatch.setenv(f"MARKETDATA_{name}", value.replace("%s", secret))
    if name.startswith("S3"):
        monkeypatch.setenv("MARKETDATA_S3_BUCKET", "days")
    for more in ({}, {"MARKETDATA_PORT": "no number"}, {"MARKETDATA_HOST": "192.0.2.1"}):
        for variable, wrong in more.items():
            monkeypatch.setenv(variable, wrong)
        said = told(capsys, tmp_path, *line)
        assert said
        assert FIRST not in said
        assert SECOND not in said
        for variable in more:
            monkeypatch.delenv(variable)


def test_a_file_that_is_wrong_beside_a_secret(capsys, tmp_path):
    path = tmp_path / "toml"
    for wrong in ("port = ", "nobody_knows = 1", 'port = "x"', 'redis_url = ["{}"]', "= 1"):
        path.write_text(f'audit_key = "{FIRST}"\n' + wrong.format(SECOND) + "\n")
        said = told(capsys, tmp_path, "config", "--config", str(path))
        assert "marketdata: " in said
        assert FIRST not in said
        assert SECOND not in said


def test_settings_and_their_errors_tell_no_secret_however_they_are_shown():
    secret = f"{FIRST}-{SECOND}"
    settings = Settings(
        redis_url=f"redis://me:{secret}@h",
        mongodb_url=f"mongodb://me:{secret}@h",
        key_peppers={"now": secret},
        audit_key=secret,
        s3_bucket="days",
        s3_access_key_id="name",
        s3_secret_access_key=secret,
    )
    shown = (str(settings), repr(settings), str(settings.model_dump()), settings.model_dump_json())
    shown += (json.dumps(settings.model_dump(mode="json")), f"{settings!r:.10000}")
    assert not [text for text in shown if FIRST in text or SECOND in text]
    with pytest.raises(ValueError, match="go together") as raised:
        load(audit_key=secret, tls_key="/nowhere", redis_url=f"redis://me:{secret}@h")
    assert FIRST not in f"{raised.value} {raised.value!r}"
    with pytest.raises(ValueError, match="redis_url") as raised:
        load(redis_url=[secret])
    assert FIRST not in f"{raised.value} {raised.value!r}"


def test_a_library_that_logs_a_url_at_debug_tells_no_password(capsys, monkeypatch, tmp_path):
    url = f"redis://me:{FIRST}-{SECOND}@{ADDRESS}/"
    monkeypatch.setenv("MARKETDATA_REDIS_URL", url)
    records: list[str] = []

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record.getMessage())

    handler, root = Keeping(), logging.getLogger()
    level, unraised = root.level, sys.unraisablehook
    hooks = sys.excepthook, threading.excepthook
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        mask_process()
        said = told(capsys, tmp_path, "rebuild")
        logging.getLogger("library").debug("connecting to %s", url)
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        logging.captureWarnings(capture=False)
        sys.excepthook, threading.excepthook = hooks
        sys.unraisablehook = unraised
    assert any("127.0.0.1" in record for record in records)
    assert FIRST not in said + "".join(records)
