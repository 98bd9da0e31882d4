"""The committed rules: Prometheus takes them, every name exists, each alert is explained."""

import re
import subprocess

import pytest
import yaml
from committed import PAGE, PROMETHEUS, ROOT, alerts, labels_told, recorded, rules
from promql import complaints

from servers.installed import program

ALERTS = alerts()
NAMES = [alert["alert"] for alert in ALERTS]


def promtool(*arguments: object) -> str:
    asked = [program("promtool"), *map(str, arguments)]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def anchor(heading):
    """Return how a page links to one of its headings."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("file", ["prometheus.yml", "cluster.yml"])
def test_prometheus_takes_the_configuration(file):
    # The key's file is there only where the service is; the rules are tried below.
    assert "valid prometheus config" in promtool(
        "check", "config", "--syntax-only", PROMETHEUS / file
    )


def test_each_alert_fires_on_what_it_is_for_and_on_nothing_less():
    assert "SUCCESS" in promtool("test", "rules", PROMETHEUS / "alerts_test.yml")


def test_each_alert_is_tried_both_ways():
    tried = [
        one["name"] for one in yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text())["tests"]
    ]

    assert tried == [f"{name} {does}" for name in NAMES for does in ("fires", "is silent")]


def test_no_alert_has_the_name_of_another():
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize(
    "rule", [*rules("recording.yml"), *ALERTS], ids=lambda rule: rule.get("alert") or rule["record"]
)
def test_every_metric_and_label_of_a_rule_exists(rule):
    assert complaints(rule["expr"], recorded().items()) == []


@pytest.mark.parametrize("alert", ALERTS, ids=NAMES)
def test_an_alert_says_how_bad_it_is_and_what_to_do(alert):
    told = alert["annotations"]

    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert told.keys() == {"summary", "description", "runbook"}
    assert len(told["summary"]) < 90
    page, _, heading = told["runbook"].partition("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(), re.MULTILINE)
    assert heading in map(anchor, headings)


@pytest.mark.parametrize("alert", ALERTS, ids=NAMES)
def test_an_alert_names_only_labels_that_it_has(alert):
    said = " ".join(alert["annotations"].values())
    used = set(re.findall(r"\$labels\.(\w+)", said))

    assert used <= labels_told(alert)


def test_every_rule_file_is_asked_for():
    for file in ("prometheus.yml", "cluster.yml"):
        assert yaml.safe_load((PROMETHEUS / file).read_text())["rule_files"] == [
            "recording.yml",
            "alerts.yml",
        ]


def test_the_page_tells_of_every_alert_how_it_was_tried():
    rows = re.findall(
        r"^\| \[`(\w+)`\]\(#(\w+)\) \| (critical|warning) \|", PAGE.read_text(), re.MULTILINE
    )

    assert rows == [(a["alert"], a["alert"].lower(), a["labels"]["severity"]) for a in ALERTS]
