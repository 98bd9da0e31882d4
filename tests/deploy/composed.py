"""Reads a compose file as an engine would: variables filled in, merged, service by service.

Only what these files use is understood: `${NAME:-default}`, `${NAME:?why}` and `$$`, in the values
alone. Anything else with a dollar is an error, so that nothing is passed over.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

ROOT: Final = Path(__file__).parents[2]
BASE: Final = ROOT / "docker-compose.yml"
OPEN: Final = ROOT / "deploy/open.yml"
CLUSTER: Final = ROOT / "deploy/cluster/compose.yml"
OURS: Final = "cloud-marketdata:"
"""How the image begins that deploy/Dockerfile makes."""

_VARIABLE: Final = re.compile(r"\$(?:\$|\{(?P<name>[A-Z0-9_]+):(?P<kind>[-?])(?P<rest>[^}]*)\}|.)")
_SECONDS: Final = re.compile(r"(?:(\d+)m)?(?:(\d+)s)?")
_MADE_UP: Final = "x" * 24


class Variable(NamedTuple):
    """A variable of a compose file: its name, and its default, or None where it must be set."""

    name: str
    default: str | None


def variables(path: Path) -> set[Variable]:
    """Return every variable that the file asks the environment for."""
    found = set()
    for text in _texts(yaml.safe_load(path.read_text())):
        for match in _VARIABLE.finditer(text):
            if match["name"]:
                default = match["rest"] if match["kind"] == "-" else None
                found.add(Variable(match["name"], default))
    return found


class Composed:
    """One compose file, or several of which the later ones add to the earlier."""

    def __init__(self, *paths: Path, given: Mapping[str, str] | None = None) -> None:
        self.folder = paths[0].parent
        self._given = given or {}
        documents = [self._filled(yaml.safe_load(path.read_text())) for path in paths]
        self.document: dict[str, Any] = documents[0]
        for more in documents[1:]:
            for name, service in more["services"].items():
                _add(self.document["services"][name], service)

    @cached_property
    def services(self) -> dict[str, dict[str, Any]]:
        """Every service by its name."""
        return self.document["services"]

    def ours(self) -> Iterator[str]:
        """Yield the names of the services that run our image."""
        return (name for name, one in self.services.items() if one["image"].startswith(OURS))

    def environment(self, name: str) -> dict[str, str]:
        """Return what a service finds in its environment: of files first, then of its own."""
        service = self.services[name]
        found = {}
        for file in service.get("env_file", ()):
            found |= settings_file(self.folder / file)
        return found | {key: str(value) for key, value in service.get("environment", {}).items()}

    def _filled(self, value: Any) -> Any:  # noqa: ANN401  whatever YAML holds
        if isinstance(value, dict):
            return {key: self._filled(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self._filled(one) for one in value]
        return _VARIABLE.sub(self._value, value) if isinstance(value, str) else value

    def _value(self, match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        assert match["name"], f"not understood: {match.string}"
        default = match["rest"] if match["kind"] == "-" else _MADE_UP
        return self._given.get(match["name"]) or default


def settings_file(path: Path) -> dict[str, str]:
    """Return the variables of a file that compose or systemd reads: one a line, without quotes."""
    lines = [line for line in path.read_text().splitlines() if line and line[0] != "#"]
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def seconds(duration: str) -> int:
    """Return what `1m30s` means."""
    minutes, rest = _SECONDS.fullmatch(duration).groups(default="0")
    return 60 * int(minutes) + int(rest)


def mounts(service: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield source and target of every volume of a service."""
    for volume in service.get("volumes", ()):
        source, target, *_ = volume.split(":")
        yield source, target


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401  whatever YAML holds
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, str):
        yield value


def _add(service: dict[str, Any], more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict):
            service[key] = {**service.get(key, {}), **value}
        elif isinstance(value, list):
            service[key] = [*service.get(key, []), *value]
        else:
            service[key] = value
