"""Whatever a service writes on stderr is one JSON object a line, also what libraries say."""

import json
import subprocess
import sys

PROGRAM = """
import logging, threading, warnings
import structlog
from cloud_marketdata.core.logs import configure, mask_process

mask_process()
configure("info")
configure("info")
structlog.get_logger().info("ours")
logging.getLogger("library").error("two\\nlines")
try:
    raise ValueError("of a library")
except ValueError:
    logging.getLogger("library").exception("failed")
warnings.warn("be warned")
worker = threading.Thread(target=lambda: 1 / 0)
worker.start()
worker.join()
raise RuntimeError("last words")
"""


def test_every_line_is_an_object_with_an_event_and_a_level():
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    lines = [json.loads(line) for line in run.stderr.splitlines()]

    told = [(line["event"], line["level"]) for line in lines]
    assert told == [
        ("ours", "info"),
        ("two\nlines", "error"),
        ("failed", "error"),
        *[told[3]],
        ("process.uncaught", "critical"),
        ("process.uncaught", "critical"),
    ]
    assert "be warned" in told[3][0]
    assert all(line["timestamp"].endswith("Z") for line in lines)
    assert "ValueError: of a library" in lines[2]["exception"]
    assert "ZeroDivisionError" in lines[4]["exception"]
    assert "last words" in lines[5]["exception"]
