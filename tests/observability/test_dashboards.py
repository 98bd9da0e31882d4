"""The committed dashboards: whole, and asking for nothing that does not exist."""

import subprocess
from itertools import combinations

import pytest
import yaml
from committed import PROMETHEUS, PROVISIONING, alerts, dashboards, panels, plain, recorded, rules
from promql import complaints, exposed, named

from cloud_marketdata.core.telemetry.catalogue import METRICS
from servers.installed import program

DASHBOARDS = dashboards()
PANELS = list(panels())
VARIABLES = sorted(
    {
        one["definition"]
        for dashboard in DASHBOARDS.values()
        for one in dashboard["templating"]["list"]
        if one["type"] == "query"
    }
)


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    across = one["x"] < other["x"] + other["w"] and other["x"] < one["x"] + one["w"]
    return across and one["y"] < other["y"] + other["h"] and other["y"] < one["y"] + one["h"]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_is_whole(name):
    dashboard = DASHBOARDS[name]
    ids = [panel["id"] for panel in dashboard["panels"]]
    places = [panel["gridPos"] for panel in dashboard["panels"]]

    assert dashboard["schemaVersion"] >= 39
    assert dashboard["templating"]["list"][0]["type"] == "datasource"
    assert len(set(ids)) == len(ids)
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert not [pair for pair in combinations(places, 2) if _overlap(*pair)]


def test_dashboards_are_told_apart():
    assert len({one["uid"] for one in DASHBOARDS.values()}) == len(DASHBOARDS) == 4


@pytest.mark.parametrize("shown", PANELS, ids=lambda shown: shown.words)
def test_a_panel_says_what_it_shows_and_in_which_unit(shown):
    panel = shown.panel
    sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]

    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert {source["uid"] for source in sources} == {"${datasource}"}
    assert shown.expressions


@pytest.mark.parametrize("shown", PANELS, ids=lambda shown: shown.words)
def test_every_metric_and_label_of_a_panel_exists(shown):
    assert [c for asked in shown.expressions for c in complaints(asked, recorded().items())] == []


@pytest.mark.parametrize("shown", PANELS, ids=lambda shown: shown.words)
def test_a_legend_names_only_labels_that_are_left(shown):
    for target, asked in zip(shown.panel["targets"], shown.expressions, strict=True):
        known = {**exposed(), **recorded(), "up": frozenset()}
        labels = frozenset().union(*(known.get(name, ()) for name in named(asked).metrics))
        wanted = {part.partition("}}")[0] for part in target["legendFormat"].split("{{")[1:]}
        assert wanted <= labels | {"instance", "job"}


@pytest.mark.parametrize("asked", VARIABLES)
def test_every_variable_is_of_labels_that_exist(asked):
    metric, _, label = asked.removeprefix("label_values(").removesuffix(")").rpartition(", ")

    assert complaints(f"sum by ({label}) ({metric})") == []


def test_prometheus_understands_every_expression(tmp_path):
    asked = [expression for shown in PANELS for expression in shown.expressions]
    written = [{"record": f"panel:{at}", "expr": one} for at, one in enumerate(asked)]
    path = tmp_path / "panels.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": written}]}))

    done = subprocess.run(
        [program("promtool"), "check", "rules", path], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(asked)} rules found" in done.stdout


def test_every_metric_is_shown_or_told_of():
    asked = [expression for shown in PANELS for expression in shown.expressions]
    asked += [rule["expr"] for rule in (*alerts(), *rules("recording.yml"))]
    said = frozenset().union(*(named(plain(one)).metrics for one in asked))
    unseen = [
        name
        for name in METRICS
        if not said & {name, f"{name}_bucket", f"{name}_count", f"{name}_sum"}
    ]

    assert unseen == []


def test_the_provisioned_source_is_the_prometheus_of_the_compose_files():
    found = yaml.safe_load((PROVISIONING / "datasources/prometheus.yml").read_text())
    asked = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())

    assert [one["url"] for one in found["datasources"]] == ["http://prometheus:9090"]
    interval = found["datasources"][0]["jsonData"]["timeInterval"]
    assert interval == asked["global"]["scrape_interval"]
