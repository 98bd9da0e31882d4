"""After all of it: the service stands, its log tells the whole story, and no secret is in any."""

import json
import os
import re
import subprocess
from contextlib import suppress
from urllib.parse import quote

from processes import COMMAND, eventually

RESIDENT_MB = 600


def components(fortress) -> dict:
    """Return what each component tells of itself, by its name."""
    return {one["name"]: one for one in fortress.health()["detail"]["components"]}


def test_it_is_healthy_and_holds_no_more_than_before(fortress):
    health = fortress.health()

    assert health["status"] in {"healthy", "degraded"}
    assert fortress.process.poll() is None
    assert fortress.resident_mb() < RESIDENT_MB


def test_no_connection_is_left_behind(fortress):
    def settled() -> bool:
        told = components(fortress)["stream"]["detail"]
        return told["connections"] == 0 and told["subscriptions"] == 0

    assert eventually(settled, 10)


def test_every_refusal_was_counted(fortress):
    told = json.dumps(fortress.health()["detail"])

    for code in ("key_invalid", "key_expired", "key_revoked", "address_refused"):
        counted = [int(number) for number in re.findall(rf'"{code}": (\d+)', told)]
        assert max(counted, default=0) >= fortress.refused[code], code


def test_every_request_was_written_down_exactly_once(fortress):
    def differing() -> list:
        """Return what was asked by HTTP and was not written down exactly as often."""
        written = {
            address: [e for e in fortress.chronicle.of(address) if e["surface"] != "ws"]
            for address in fortress.asked
        }
        return [
            (fortress.stories[address], number, written[address][-2:])
            for address, number in fortress.asked.items()
            if len(written[address]) != number
        ]

    with suppress(AssertionError):
        eventually(lambda: not differing(), 10)
    assert differing() == []


def test_nothing_fell_over(fortress):
    fallen = re.compile(r'Traceback|never retrieved|"level": ?"error"')
    # What the server says of a client that leaves in the middle of a handshake is no fall of ours.
    left = '"event": "ASGI callable returned without completing handshake."'

    assert [
        line[:3000]
        for line in fortress.log.read_text().splitlines()
        if fallen.search(line) and left not in line
    ] == []


def test_no_secret_lies_anywhere(fortress):
    log = fortress.log.read_text()
    audit = fortress.chronicle.text()

    assert fortress.keys.found_in(log) == []
    assert fortress.keys.found_in(audit) == []
    for name in fortress.keys:
        escaped = "".join(f"%{ord(letter):02x}" for letter in fortress.keys[name])
        assert escaped[60:] not in audit + log, name
        assert quote(fortress.keys[name]) not in audit + log, name
    store = b"".join(
        path.read_bytes()
        for path in fortress.folder.rglob("*")
        if path.suffix != ".lock" and path.is_file()
    )
    assert fortress.keys.found_in(store.decode("latin-1")) == []


def test_no_line_of_the_log_was_made_by_who_asked(fortress):
    for line in fortress.chronicle.text().splitlines():
        event = json.loads(line)
        assert set(event) >= {"ts", "writer", "seq", "prev", "action", "surface", "outcome"}
    for line in fortress.log.read_text().splitlines():
        assert "X-Injected: 1" not in line.split('"')[0]


def test_the_audit_log_is_whole(fortress):
    found = subprocess.run(
        [*COMMAND, "audit", "verify"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "MARKETDATA_DATA_DIR": str(fortress.folder)},
    )

    assert found.returncode == 0, found.stdout + found.stderr
    assert "Traceback" not in found.stderr


def test_it_stops_in_order(fortress):
    """The last of all: it would stand beside every other test of a run."""
    assert fortress.end() == 0
