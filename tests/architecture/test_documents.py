import re
from pathlib import Path
from random import Random

import pytest
from repository import PACKAGE, ROOT, files, named

from cloud_marketdata import __version__
from cloud_marketdata.api.app import create_app
from cloud_marketdata.api.audit import build_audit
from cloud_marketdata.api.mcp import build_mcp
from cloud_marketdata.api.ops.operations import Operations
from cloud_marketdata.api.queries import Queries
from cloud_marketdata.api.stream.endpoint import build_stream
from cloud_marketdata.api.stream.hub import Hub
from cloud_marketdata.api.stream.readers import Readers
from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.config import ENDPOINTS, Settings
from cloud_marketdata.storage.memory import memory_stores
from guarded import Guarded

PAGES = list(files(".md"))
DECISIONS = sorted((ROOT / "docs/decisions").glob("*.md"))
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")
# Written in two halves where a plain text would accuse this very file.
MACHINE_PATH = re.compile(r"(?<![\w.$}~])/(work|home|root|tmp|Users|opt)/\w")
REGISTRY_HOST = re.compile(r"//[^/\s]*(py" + r"pi|pythonhosted|npm" + r"js|registry|mirror)[^/\s]*")


@pytest.fixture
def queries():
    clock = SystemClock()
    return Queries(memory_stores(clock), clock, Settings())


def _table(page: str) -> dict[str, str]:
    """Return the first two cells of each row whose first cell is a name in code font."""
    text = (ROOT / page).read_text()
    return dict(re.findall(r"^\| `([^`]+)` \| ([^|]+?) \|", text, re.MULTILINE))


def test_every_setting_is_described_and_nothing_else_is():
    described = _table("docs/settings.md")

    assert described.keys() == Settings.model_fields.keys()


def test_the_settings_page_tells_the_real_defaults():
    described = _table("docs/settings.md")
    plain = {
        name: "none" if field.default in {None, ""} else f"`{field.default}`"
        for name, field in Settings.model_fields.items()
        if not isinstance(field.default, dict)
    }

    assert {name: described[name] for name in plain} == plain


def test_the_settings_page_tells_where_each_venue_answers():
    page = (ROOT / "docs/settings.md").read_text()

    missing = [v for v, e in ENDPOINTS.items() if f"| {v} | `{e.ws}` | `{e.rest}` |" not in page]

    assert missing == []


def test_every_route_is_described(queries):
    given = (queries.clock, Settings())
    hub = Hub(queries, queries.stores, *given, Random(0))  # noqa: S311  nothing is ever tried
    guarded = Guarded(*given)
    stream = build_stream(hub, Readers(Settings()), *given, guarded.stream)
    app = create_app(
        queries=queries,
        operations=Operations([], given[1], given[0]),
        clock=given[0],
        settings=given[1],
        guard=guarded.edge,
        routers=[stream, build_audit(Path("audit"), given[0])],
    )
    page = (ROOT / "docs/api.md").read_text()
    described = set(re.findall(r"^\| `([A-Z]+ \S+)`", page, re.MULTILINE))
    paths = app.openapi()["paths"].items()

    assert described == {f"{method.upper()} {path}" for path, calls in paths for method in calls}


@pytest.mark.anyio
async def test_every_tool_is_described(queries):
    tools = {tool.name for tool in await build_mcp(queries, __version__).list_tools()}
    described = set(re.findall(r"^\| `(\w+)\(", (ROOT / "docs/api.md").read_text(), re.MULTILINE))

    assert described == tools


@pytest.mark.parametrize(("page", "most"), [("README.md", 150), ("ARCHITECTURE.md", 120)])
def test_a_page_for_the_hurried_stays_short(page, most):
    assert len((ROOT / page).read_text().splitlines()) <= most


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_between_pages_leads_somewhere(page):
    links = LINK.findall(page.read_text())

    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"])
def test_every_file_of_the_package_that_a_page_names_exists(page):
    named_files = set(re.findall(r"`([a-z_]+/[a-z_/]+\.py)`", (ROOT / page).read_text()))

    assert [f for f in named_files if not (PACKAGE / f).exists() and not (ROOT / f).exists()] == []


def test_decisions_are_numbered_without_holes():
    numbers = [path.name.partition("-")[0] for path in DECISIONS]

    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]


@pytest.mark.parametrize("page", DECISIONS, ids=named)
def test_a_decision_says_its_status_context_and_what_it_costs(page):
    headings = re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE)

    assert headings == ["Status", "Context", "Decision", "Consequences"]
    assert re.search(r"^\* Bad:", page.read_text(), re.MULTILINE)


def test_the_changelog_begins_with_this_version():
    versions = re.findall(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    released = [version for version in versions if version != "Unreleased"]

    assert released[0] == __version__


@pytest.mark.parametrize("pattern", [MACHINE_PATH, REGISTRY_HOST], ids=["machine path", "registry"])
def test_no_file_names_a_machine_or_a_package_registry(pattern):
    accused = [
        f"{named(path)}: {found.group()}"
        for path in files()
        if (found := pattern.search(path.read_text(errors="replace")))
    ]

    assert accused == []
