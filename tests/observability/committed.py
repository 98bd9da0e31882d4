"""The committed rules and dashboards, as the tests read them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml
from promql import named

ROOT: Final = Path(__file__).parents[2]
PROMETHEUS: Final = ROOT / "deploy/prometheus"
DASHBOARDS: Final = ROOT / "deploy/grafana/dashboards"
PROVISIONING: Final = ROOT / "deploy/grafana/provisioning"
PAGE: Final = ROOT / "docs/monitoring.md"
_BY: Final = re.compile(r"\bby\s*\(([^)]*)\)")


class Panel(NamedTuple):
    """A panel that shows something: where it is, and its expressions."""

    dashboard: str
    panel: dict[str, Any]
    expressions: tuple[str, ...]

    @property
    def words(self) -> str:
        """How it is called in a failed test."""
        return f"{self.dashboard}: {self.panel.get('title')}"


def rules(file: str) -> list[dict[str, Any]]:
    """Return the rules of a file, in its order."""
    groups = yaml.safe_load((PROMETHEUS / file).read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    """Return every alert."""
    return [rule for rule in rules("alerts.yml") if "alert" in rule]


def recorded() -> dict[str, frozenset[str]]:
    """Return the labels of each recorded series, `le` taken away by the quantile."""
    found = {}
    for rule in rules("recording.yml"):
        labels = {name.strip() for by in _BY.findall(rule["expr"]) for name in by.split(",")}
        found[rule["record"]] = frozenset(labels - {"le"})
    return found


def labels_told(alert: dict[str, Any]) -> frozenset[str]:
    """Return the labels that an alert has by its expression, as far as it names them itself."""
    by = {name.strip() for found in _BY.findall(alert["expr"]) for name in found.split(",")}
    if by:
        return frozenset(by)
    told = [recorded().get(metric, frozenset()) for metric in named(alert["expr"]).metrics]
    return frozenset().union({"job", "instance"}, *told)


def dashboards() -> dict[str, dict[str, Any]]:
    """Return every dashboard by the name of its file."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(DASHBOARDS.glob("*.json"))}


def panels() -> Iterator[Panel]:
    """Yield every panel of every dashboard that asks something."""
    for name, dashboard in dashboards().items():
        for panel in dashboard["panels"]:
            if panel["type"] != "row":
                asked = (target["expr"] for target in panel.get("targets", ()))
                yield Panel(name, panel, tuple(map(plain, asked)))


def plain(expression: str) -> str:
    """Return an expression with something in place of each of Grafana's variables."""
    text = re.sub(r"\$(?:__rate_interval|__interval|__range)\b", "5m", expression)
    return re.sub(r"\$(?:\{\w+(?::\w+)?\}|\w+)", ".*", text)
