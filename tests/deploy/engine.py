"""Runs what our Dockerfile makes, as a container engine would as far as this machine's kernel goes.

A root of its own: an overlay over this machine's files, whose Python stands for the base image. An
image runs as its user, with a read-only root, a volume, a /tmp in memory, no rights, and a network
that leads nowhere. What an engine adds is not here: the real base image, seccomp, limits, a process
tree of its own. It takes root.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).parents[2]
BORROWED_AT: Final = "/borrowed"
"""Where an image sees it: a folder of its own, which no other mount covers."""
_TOOLS: Final = ("unshare", "nsenter", "setpriv", "chroot")
# The checkout is covered: what runs in there stands on what was copied, or not at all.
_ENTER: Final = """
mount -t overlay overlay -o "lowerdir=/,upperdir=$BOX/upper,workdir=$BOX/work" "$BOX/tree"
mount --rbind /proc "$BOX/tree/proc"
mount --rbind /dev "$BOX/tree/dev"
mount -t tmpfs tmpfs "$BOX/tree$CHECKOUT"
if [ -n "$BORROWED" ]; then
    mkdir -p "$BOX/tree$BORROWED_AT"
    mount --bind "$BORROWED" "$BOX/tree$BORROWED_AT"
fi
"""
_SEAL: Final = """
mount -t tmpfs -o mode=1777,size=64m tmpfs "$BOX/tree/tmp"
mount --bind "$BOX/volume" "$BOX/tree$VOLUME"
mount -o remount,bind,ro "$BOX/tree"
"$PYTHON" -c "$LOOPBACK_UP"
"""
# A new network has nothing, and its loopback is down; not every machine has `ip`.
_LOOPBACK_UP: Final = """
import fcntl, socket, struct
up_and_running, set_flags = 0x41, 0x8914
fcntl.ioctl(socket.socket(), set_flags, struct.pack("16sH14x", b"lo", up_and_running))
"""
_POWERLESS: Final = ("--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all")


def missing() -> str:
    """Return what this machine lacks for all this, or nothing."""
    absent = [name for name in _TOOLS if not shutil.which(name)]
    if absent or os.geteuid() != 0:
        return f"it takes root, and {', '.join(absent) or 'nothing else'}"
    apart = ["unshare", "--mount", "--net", "true"]
    return subprocess.run(apart, capture_output=True, text=True, check=False).stderr


@dataclass
class Image:
    """A stage of a Dockerfile, and in the end an image.

    box: the folder that holds it. borrowed: a folder of this machine that is seen in it too.
    """

    box: Path
    borrowed: Path | None = None
    env: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = "0:0"
    volume: str = ""
    command: Sequence[str] = ()
    healthcheck: Sequence[str] = ()

    def at(self, path: str) -> Path:
        """Return where a path of the image lies on this machine."""
        return self.box / "upper" / str(Path(self.workdir) / path).lstrip("/")

    def run(self, script: str) -> None:
        """Run one step as root, writable; raises CalledProcessError."""
        inside = ["chroot", f"{self.box}/tree", *self._env({}), "sh", "-euc", script]
        subprocess.run(_entered(_ENTER, inside, "--mount"), env=self._given(), check=True)

    @contextmanager
    def running(self, env: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
        """Run the image's command as its user, with a root that nobody can write to."""
        volume = self.box / "volume"
        shutil.rmtree(volume, ignore_errors=True)
        # A new volume takes over what the image has in its place, its owner and its mode too.
        subprocess.run(["cp", "-a", self.at(self.volume), volume], check=True)
        inside = ["chroot", f"{self.box}/tree", *self._rights(), *self._env(env), *self.command]
        words = _entered(_ENTER + _SEAL, inside, "--mount", "--net")
        with (self.box / "stderr").open("w") as told:
            process = subprocess.Popen(
                words, env=self._given(), stdout=subprocess.PIPE, stderr=told, text=True
            )
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    def beside(
        self, process: subprocess.Popen[str], env: Mapping[str, str], *command: str
    ) -> subprocess.Popen[str]:
        """Start a command beside a running one: same files, same network, same user."""
        there = ["nsenter", f"--target={process.pid}", "--mount", "--net", "--root", "--wd=/"]
        words = [*there, *self._rights(), *self._env(env), *command]
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def _rights(self) -> list[str]:
        user, group = self.user.split(":")
        return ["setpriv", f"--reuid={user}", f"--regid={group}", *_POWERLESS]

    def _env(self, more: Mapping[str, str]) -> list[str]:
        known = (f"{name}={value}" for name, value in (self.env | more).items())
        return ["env", "-i", "-C", self.workdir, *known]

    def _given(self) -> dict[str, str]:
        told = {"BOX": self.box, "CHECKOUT": CHECKOUT, "VOLUME": self.volume}
        told |= {"BORROWED": self.borrowed or "", "PYTHON": sys.executable}
        told["BORROWED_AT"] = BORROWED_AT
        told["LOOPBACK_UP"] = _LOOPBACK_UP
        return {**os.environ, **{name: str(value) for name, value in told.items()}}


def based(box: Path, borrowed: Path | None) -> Image:
    """Return an image of this machine's own files, with a Python that everybody may run."""
    for name in ("upper", "work", "tree"):
        (box / name).mkdir(parents=True)
    python = Path(sys.base_prefix)
    env = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    env["PATH"] = f"{python}/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    env["HOME"] = os.environ["HOME"]
    image = Image(box, borrowed, env)
    image.run("chmod a+rx " + " ".join(str(one) for one in (python, *python.parents)))
    return image


def _entered(script: str, inside: Sequence[str], *apart: str) -> list[str]:
    """Return a command that runs `inside` after a script, in namespaces of its own."""
    shell = ["sh", "-euc", f'{script}exec "$@"', "sh", *inside]
    return ["unshare", "--propagation=private", *apart, *shell]
