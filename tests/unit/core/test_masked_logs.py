"""No line that a process writes holds a secret, whoever writes it."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest
import structlog

from cloud_marketdata.core.logs import MaskedRecord, configure

SECRET = "of-one-store-" + "x" * 9
URL = f"redis://default:{SECRET}@127.0.0.1:6379/0"
KEY = "cmd_live_ab12cd34_" + "k" * 38

PROGRAM = f"""
import logging, sys, threading, warnings
import structlog
from cloud_marketdata.core.logs import configure, mask_process
from cloud_marketdata.core.masking import hide

mask_process()
configure("info")
hide(["value of no form"])
log = structlog.get_logger()
log.info("ours", url={URL!r}, key={KEY!r}, nested={{"list": [{URL!r}]}}, token="{SECRET}")
log.info("ours with " + {URL!r}, known="the value of no form")
try:
    password = {SECRET!r}
    raise ValueError({URL!r}) from OSError({KEY!r})
except ValueError:
    log.exception("trace")
    logging.getLogger("library").exception("cannot reach %s", {URL!r})
logging.getLogger("library").error("no such argument %s %s", {URL!r})
own = logging.getLogger("own.handler")
own.propagate = False
own.addHandler(logging.StreamHandler())
own.error("by itself: %s", {KEY!r}, exc_info=ValueError({URL!r}))
warnings.warn({URL!r})
class Unraised:
    def __del__(self):
        raise ValueError({URL!r})
x = Unraised()
del x
def thread():
    raise ValueError({URL!r})
worker = threading.Thread(target=thread)
worker.start()
worker.join()
def last(hidden):
    raise ValueError("last words " + {URL!r})
last({SECRET!r})
"""


@pytest.fixture
def logs_of_their_own() -> Iterator[None]:
    """Logging is set up for the whole process."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def test_a_process_writes_no_secret_by_any_way():
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    told = run.stdout + run.stderr
    assert run.returncode == 1
    assert SECRET not in told
    assert "k" * 38 not in told
    assert "value of no form" not in told
    # Everything has been told all the same.
    assert told.count("redis://***@127.0.0.1:6379/0") >= 9
    assert "last words redis://***@127.0.0.1:6379/0" in told
    assert told.count("cmd_live_ab12cd34_***") >= 3


@pytest.mark.usefixtures("logs_of_their_own")
def test_an_event_is_one_json_object_with_its_secrets_masked(capsys):
    configure("info")
    structlog.get_logger().info("store.away", error=OSError(URL), n=3, who=KEY)
    event = json.loads(capsys.readouterr().err)
    assert event.pop("timestamp")
    assert event == {
        "event": "store.away",
        "level": "info",
        "error": "OSError('redis://***@127.0.0.1:6379/0')",
        "n": 3,
        "who": "cmd_live_ab12cd34_***",
    }


@pytest.mark.usefixtures("logs_of_their_own")
def test_a_trace_tells_no_local_variables(capsys):
    configure("info")
    held = ["local-" + "z" * 9]
    try:
        held.remove("what is not there")
    except ValueError:
        structlog.get_logger().exception("component.died")
    told = capsys.readouterr().err
    assert "ValueError: list.remove" in told
    assert held[0] not in told


def test_a_record_whose_arguments_do_not_fit_is_told_all_the_same():
    record = MaskedRecord("library", logging.ERROR, "file", 1, "%s and %s", (URL,), None)
    assert record.getMessage() == "%s and %s ('redis://***@127.0.0.1:6379/0',)"
