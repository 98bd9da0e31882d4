"""An S3 on 127.0.0.1: Ceph's own gateway with one monitor and one disk, which is a sparse file.

Founded and serving in two seconds, back in one after a kill.
"""

import secrets
import uuid
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

from servers.ceph_settings import settings
from servers.group import Group
from servers.installed import program
from servers.program import HOST, Program, ServerError, free_port, ran, until

_USER: Final = "tests"


class Ceph(Group):
    """Three programs that are one S3; `endpoint`, `key` and `secret` are what a client needs."""

    def __init__(self, folder: Path) -> None:
        monitor, gateway = free_port(), free_port()
        self._monitor_address = f"{HOST}:{monitor}"
        self._gateway_address = f"{HOST}:{gateway}"
        self.endpoint = f"http://{self._gateway_address}"
        self.key = secrets.token_hex(8)
        self.secret = secrets.token_hex(16)
        self._folder = folder
        self._fsid = str(uuid.uuid4())
        for place in ("mon", "osd", "rgw", "run"):
            (folder / place).mkdir(parents=True)
        (folder / "keyring").touch()
        self._conf = folder / "ceph.conf"
        self._conf.write_text(settings(folder, self._fsid, monitor, gateway))
        listening = ("--public-addr", self._monitor_address)
        self.monitor = self._part(self._monitor_knows, "ceph-mon", "-i", "a", *listening)
        self.disk = self._part(self._disk_is_up, "ceph-osd", "-i", "0", "--no-mon-config")
        self.gateway = self._part(self._answered, "radosgw", "-n", "client.rgw", "--no-mon-config")
        super().__init__((self.gateway, self.disk, self.monitor))

    def found(self) -> None:
        """Make the monitor and the disk, start them, and let one user in."""
        self._make_monitor()
        self.monitor.start()
        self._make_disk()
        self.start()
        self._admit()

    def start(self) -> None:
        """Start what does not run, and return when the gateway answers."""
        self.monitor.start()
        if not self.disk.running:
            # After a kill the monitor still believes in the disk that was there before.
            self._tell("osd", "down", "0")
        self.disk.start()
        self.gateway.start()

    def shut_out(self) -> None:
        """Refuse the tests' user, whose keys are as good as revoked until `let_in`."""
        ran(*self._admin(), "user", "suspend", "--uid", _USER)

    def let_in(self) -> None:
        """Take the tests' user's keys again."""
        ran(*self._admin(), "user", "enable", "--uid", _USER)

    def request(self, method: str, target: str) -> None:
        """Send a request without a body to the gateway; ServerError unless it succeeds."""
        connection = HTTPConnection(self._gateway_address, timeout=30)
        try:
            connection.request(method, target)
            answer = connection.getresponse()
            told = answer.read()
        finally:
            connection.close()
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            message = f"{method} {target}: {answer.status} {told!r}"
            raise ServerError(message)

    def _part(self, answers: Callable[[], object], name: str, *options: object) -> Program:
        command = (program(name), "-c", self._conf, "-f", *options)
        return Program(name, self._folder, command, answers)

    def _make_monitor(self) -> None:
        address = ("--addv", "a", f"v1:{self._monitor_address}")
        monmap = self._folder / "monmap"
        ran(program("monmaptool"), "--create", *address, "--fsid", self._fsid, monmap)
        ran(program("ceph-mon"), "-c", self._conf, "-i", "a", "--mkfs")

    def _make_disk(self) -> None:
        disk = str(uuid.uuid4())
        self._tell("osd", "new", disk)
        making = ("--mkfs", "--osd-uuid", disk, "--no-mon-config")
        ran(program("ceph-osd"), "-c", self._conf, "-i", "0", *making)

    def _admit(self) -> None:
        """Make the user whose keys the tests have; he may have as many buckets as he wants."""
        who = ("--uid", _USER, "--display-name", _USER, "--max-buckets", "0")
        keys = ("--access-key", self.key, "--secret-key", self.secret)
        ran(*self._admin(), "user", "create", *who, *keys)

    def _admin(self) -> tuple[object, ...]:
        return (program("radosgw-admin"), "-c", self._conf, "-n", "client.rgw", "--no-mon-config")

    def _ask(self, *words: str) -> str:
        return ran(program("ceph"), "-c", self._conf, "--connect-timeout", "20", *words)

    def _tell(self, *words: str) -> None:
        """Tell the monitor something that may be told twice: under load it is deaf at times."""
        until(lambda: self._ask(*words))

    def _monitor_knows(self) -> None:
        self._ask("mon", "stat")

    def _disk_is_up(self) -> None:
        state = self._ask("osd", "stat")
        if "1 up" not in state:
            raise ServerError(state)

    def _answered(self) -> None:
        self.request("GET", "/")
