"""Which metrics and which labels an expression of PromQL names.

It reads words, not grammar: whether an expression is one at all, Prometheus itself is asked.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from cloud_marketdata.core.telemetry.catalogue import METRICS

_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"' + r"|'(?:[^'\\]|\\.)*'")
_LABELLED: Final = re.compile(
    r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)", re.IGNORECASE
)
_SELECTOR: Final = re.compile(r"([a-zA-Z_:][\w:]*)?\s*\{([^}]*)\}")
_DURATION: Final = re.compile(r"\[[^\]]*\]|\boffset\s+\S+")
_WORD: Final = re.compile(r"(?<![\w:.])([a-zA-Z_:][\w:]*)(?!\s*\()(?![\w:])")
_KEYWORDS: Final = frozenset(
    [
        "and",
        "or",
        "unless",
        "bool",
        "by",
        "without",
        "on",
        "ignoring",
        "group_left",
        "group_right",
        "inf",
        "nan",
        "offset",
    ]
)
_ALWAYS: Final = frozenset({"job", "instance", "part"})
"""What Prometheus itself puts to every series, or its configuration does."""
_ABOUT_SCRAPES: Final[dict[str, frozenset[str]]] = {
    "up": frozenset(),
    "ALERTS": frozenset({"alertname", "alertstate", "severity"}),
}


class Named(NamedTuple):
    """What an expression names: metrics, and labels with the metric they were asked of, if any."""

    metrics: frozenset[str]
    labels: frozenset[tuple[str | None, str]]


def named(expression: str) -> Named:
    """Read an expression, in which no template variable stands any more."""
    text = _STRING.sub('""', expression)
    metrics: set[str] = set()
    labels: set[tuple[str | None, str]] = set()
    for found in _LABELLED.finditer(text):
        labels |= {(None, label.strip()) for label in found[1].split(",") if label.strip()}
    text = _DURATION.sub(" ", _LABELLED.sub(" ", text))
    for metric, matchers in _SELECTOR.findall(text):
        names = re.findall(r"([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)", matchers)
        labels |= {(metric or None, name) for name in names}
        metrics |= {metric} - {""}
    words = set(_WORD.findall(_SELECTOR.sub(" ", text)))
    words = {word for word in words if word.lower() not in _KEYWORDS}
    return Named(frozenset(metrics | words), frozenset(labels))


def exposed() -> dict[str, frozenset[str]]:
    """Return every series of the service by its name in /metrics, with its labels."""
    found = {}
    for metric in METRICS.values():
        labels = frozenset(metric.labels)
        if metric.kind == "histogram":
            found |= {
                f"{metric.name}_bucket": labels | {"le"},
                f"{metric.name}_sum": labels,
                f"{metric.name}_count": labels,
            }
        else:
            found[metric.name] = labels
    return found


def complaints(expression: str, recorded: Iterable[tuple[str, frozenset[str]]] = ()) -> list[str]:
    """Return what an expression names that does not exist; nothing where all is well.

    recorded: further series, by the name of their recording rule, with their labels.
    """
    known = exposed() | dict(recorded) | _ABOUT_SCRAPES
    said = named(expression)
    wrong = [f"no metric {name}" for name in sorted(said.metrics - known.keys())]
    its = {name: known.get(name, frozenset()) | _ALWAYS for name in said.metrics}
    anybodys = frozenset().union(*its.values())
    for metric, label in sorted(said.labels, key=str):
        if label not in its.get(metric or "", anybodys):
            wrong.append(f"no label {label} of {metric or ' or '.join(sorted(said.metrics))}")
    return wrong
