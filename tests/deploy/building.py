"""Builds an image by a Dockerfile, step by step; what is not understood is an error."""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from engine import Image, based

_INSTRUCTION: Final = re.compile(r"^([A-Z]+) +(.*)$")
_OF_AN_ENGINE: Final = {"ARG", "LABEL", "EXPOSE", "STOPSIGNAL"}


class Builder:
    """Builds in a folder.

    instead: scripts by what a step begins with, for steps that are replaced. borrowed: a folder of
    this machine that every step may read.
    """

    def __init__(
        self, context: Path, folder: Path, instead: Mapping[str, str], borrowed: Path | None
    ) -> None:
        self._context = context
        self._folder = folder
        self._instead = instead
        self._borrowed = borrowed
        self._stages: dict[str, Image] = {}

    def build(self, dockerfile: Path) -> Image:
        """Run every step and return the last stage."""
        for name, rest in instructions(dockerfile):
            if name not in _OF_AN_ENGINE:
                getattr(self, f"_{name.lower()}")(rest)
        return self._stage

    def _from(self, rest: str) -> None:
        box = self._folder / str(len(self._stages))
        self._stage = self._stages[rest.rpartition(" ")[2]] = based(box, self._borrowed)

    def _env(self, rest: str) -> None:
        for word in shlex.split(rest):
            key, _, value = word.partition("=")
            self._stage.env[key] = value.replace("$PATH", self._stage.env["PATH"])

    def _copy(self, rest: str) -> None:
        *sources, target = rest.split()
        stage = self._stages[sources.pop(0)[7:]] if sources[0].startswith("--from=") else None
        folder = len(sources) > 1 or target.endswith(("/", "."))
        for source in sources:
            origin = stage.at(source) if stage else self._context / source
            there = self._stage.at(target) / origin.name if folder else self._stage.at(target)
            there.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-a", "--no-preserve=ownership", origin, there], check=True)

    def _run(self, rest: str) -> None:
        steps = [self._replaced(step.strip()) for step in rest.split("&&")]
        self._stage.run(" && ".join(steps))

    def _replaced(self, step: str) -> str:
        return next((new for old, new in self._instead.items() if step.startswith(old)), step)

    def _workdir(self, rest: str) -> None:
        self._stage.workdir = rest
        self._stage.at(".").mkdir(parents=True, exist_ok=True)

    def _user(self, rest: str) -> None:
        self._stage.user = rest

    def _volume(self, rest: str) -> None:
        self._stage.volume = rest

    def _cmd(self, rest: str) -> None:
        self._stage.command = json.loads(rest)

    def _healthcheck(self, rest: str) -> None:
        self._stage.healthcheck = json.loads(rest.partition("CMD ")[2])


def instructions(dockerfile: Path) -> Iterator[tuple[str, str]]:
    """Yield the name and the rest of every instruction."""
    lines = [line for line in dockerfile.read_text().splitlines() if not line.startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if found := _INSTRUCTION.match(line):
            yield found[1], found[2]
