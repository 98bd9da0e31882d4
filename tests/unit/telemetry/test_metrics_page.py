"""docs/metrics.md tells of every metric, and of none that there is not."""

import re
from pathlib import Path

from cloud_marketdata.core.telemetry.catalogue import METRICS

PAGE = Path(__file__).parents[3] / "docs/metrics.md"
ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \| [^|]+ \|$", re.MULTILINE)


def test_the_page_tells_every_metric_as_it_is():
    told = {name: rest for name, *rest in ROW.findall(PAGE.read_text())}

    assert told == {
        metric.name: [
            metric.kind if metric.fold == "sum" else f"{metric.kind} ({metric.fold})",
            " ".join(f"`{label}`" for label in metric.labels) or "–",  # noqa: RUF001  as the page writes it
            metric.help,
        ]
        for metric in METRICS.values()
    }
