import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from composed import ROOT

PROBE = ROOT / "deploy/probe.py"


@contextmanager
def answering(status):
    """An HTTP server that gives one status to everything; yields its port and what was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port, asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def probed(*path: str, **settings: object):
    known = {
        name: value for name, value in os.environ.items() if not name.startswith("MARKETDATA_")
    }
    given = {f"MARKETDATA_{name.upper()}": str(value) for name, value in settings.items()}
    # As the image does it, but apart from whatever the tests' own environment holds.
    command = [sys.executable, "-I", PROBE, *path]
    return subprocess.run(
        command, env=known | given, capture_output=True, text=True, check=False, timeout=20
    )


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1), (404, 1), (401, 1)])
def test_it_succeeds_where_the_service_says_that_it_lives(status, code):
    with answering(status) as (port, asked):
        run = probed(port=port)

    assert (run.returncode, asked) == (code, ["/live"])
    assert str(status) in run.stderr or code == 0


def test_a_process_that_does_not_serve_is_asked_at_its_operations_port():
    with answering(200) as (port, asked):
        run = probed("/ready", role="collect", port=1, ops_port=port)

    assert (run.returncode, asked) == (0, ["/ready"])


def test_where_nobody_answers_it_fails_with_a_line_and_no_trace():
    with answering(200) as (port, _):
        pass
    run = probed(port=port)

    assert run.returncode == 1
    assert len(run.stderr.splitlines()) == 1


def test_a_process_without_any_port_is_a_failure():
    assert probed(role="process").returncode == 1


def test_it_needs_nothing_but_the_standard_library():
    script = (
        f"import runpy, sys, json; runpy.run_path({str(PROBE)!r}); "
        "print(json.dumps(sorted(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], capture_output=True, check=True
    )
    loaded = {name.partition(".")[0] for name in json.loads(run.stdout)}

    assert not {name for name in loaded if name not in sys.stdlib_module_names} - {"__main__"}
