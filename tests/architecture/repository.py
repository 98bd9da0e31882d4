"""Where the repository lies and what belongs to it, for the laws about its own text."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "cloud_marketdata"

_MADE = {"__pycache__", "var", "dist", "node_modules"}
_HIDDEN_BUT_OURS = {".ci"}


class Size(NamedTuple):
    """How many lines a file or function has; `name` is its path, or path::function."""

    name: str
    lines: int


def files(suffix: str = "", below: Path = ROOT) -> Iterator[Path]:
    """Yield the files somebody wrote, sorted; works in a checkout and in an unpacked archive."""
    for path in sorted(below.iterdir()):
        if path.is_dir():
            if path.name not in _MADE and (path.name[0] != "." or path.name in _HIDDEN_BUT_OURS):
                yield from files(suffix, path)
        elif path.name.endswith(suffix):
            yield path


def python_files() -> list[Path]:
    """Return the Python files of the package, its tests and its examples."""
    ours = {"src", "tests", "examples"}
    return [path for path in files(".py") if path.relative_to(ROOT).parts[0] in ours]


@cache
def file_sizes() -> list[Size]:
    """Measure every Python file."""
    return [Size(named(path), len(path.read_text().splitlines())) for path in python_files()]


@cache
def function_sizes() -> list[Size]:
    """Measure every function, from its `def` to its last line."""
    found = []
    for path in python_files():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                found.append(Size(f"{named(path)}::{node.name}", lines))
    return found


def named(path: Path) -> str:
    """Return a path as it is written in the repository."""
    return path.relative_to(ROOT).as_posix()
