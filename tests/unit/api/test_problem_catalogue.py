"""Every code that a refusal can carry is in the documentation, with its status, and no other is."""

import importlib
import pkgutil
import re
from pathlib import Path

from cloud_marketdata import api, security
from cloud_marketdata.api.errors import HTTP_CODES, INVALID, Problems
from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.errors import MarketDataError
from cloud_marketdata.security.refusals import RefusedError

PAGE = Path(__file__).parents[3] / "docs/api.md"
OURS = tuple(f"cloud_marketdata.{part}." for part in ("api", "core", "security"))
APART = tuple(f"cloud_marketdata.{part}." for part in ("api.stream", "api.mcp", "security.audit"))
ROW = re.compile(r"^\| ([a-z_, ]+) \| ([\d, ]+) \| (.+) \|$", re.MULTILINE)


def told() -> dict[str, int]:
    """Return the catalogue of the page: codes and their statuses."""
    section = PAGE.read_text().split("## Errors")[1].split("\n## ")[0]
    return {
        code: int(status)
        for codes, statuses, _ in ROW.findall(section)
        for code, status in zip(
            codes.split(", "),
            statuses.split(", ") * (len(codes.split(", ")) if ", " not in statuses else 1),
            strict=True,
        )
    }


def raised() -> dict[str, int]:
    """Return the codes of all errors of the API and of those that it hands on.

    The live stream and MCP have refusals of their own, which their own pages name; nobody is
    answered what the audit log fails with. The root of the refusals is never raised.
    """
    for package in (api, security):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    return {
        error.code: error.status
        for error in errors()
        if error.__module__.startswith(OURS)
        and not error.__module__.startswith(APART)
        and error is not RefusedError
    }


def errors() -> list[type[MarketDataError]]:
    """Return the whole tree of errors."""
    found = [MarketDataError]
    for error in found:
        found += error.__subclasses__()
    return found


def test_every_code_is_in_the_documentation_and_no_other() -> None:
    http = {code: status for status, code in HTTP_CODES.items()}
    assert told() == raised() | http | {INVALID: 422}


def test_a_code_has_one_status() -> None:
    statuses: dict[str, set[int]] = {}
    for error in errors():
        statuses.setdefault(error.code, set()).add(error.status)
    assert {code: found for code, found in statuses.items() if len(found) > 1} == {}


def test_a_problem_names_its_type_after_its_code() -> None:
    problem = Problems("rest", SystemClock()).make("bad_time", 400, "when?")
    assert problem.type == "urn:cloud-marketdata:problem:bad_time"
    assert problem.title == "Bad Request"
