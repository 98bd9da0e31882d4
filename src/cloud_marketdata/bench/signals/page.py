"""docs/signals.md: what was planted and found, in tables, and how to read them. Pure."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from textwrap import fill
from typing import Final

from cloud_marketdata.bench.scoring.marks import Found, Marks
from cloud_marketdata.bench.signals.captures import Recorded
from cloud_marketdata.bench.signals.goals import GOALS, LAG_MS, WHY, judged_sizes, missed
from cloud_marketdata.bench.signals.pairs import Lag
from cloud_marketdata.bench.signals.result import Plan, Result
from cloud_marketdata.domain.signal import SignalKind

DAY_S: Final = 86_400
_OPENING: Final = """# What the detectors find

Written by `make signals`; do not edit. Detectors are held against labelled markets, in which events
are planted with their ground truth ([simulator](simulator.md)), and run over the real captures.
Every frame goes through the real decode, tape, book and stage, with every registered fold.

{plan}

## How to read it

* **planted, found**: pairs of event and signal are one to one, by overlap with 2 s of tolerance. A
  second signal of one event is a false alarm. Nothing is adjusted afterwards.
* **recall** is of the sizes that count for the mark, **precision** of all judged signals. A mark is
  recall ≥ 0.95 and precision ≥ 0.90.
* **by chance**: signals of events that the market made unasked and that are what the definition
  names (an order among the largest thousandth, a price that took more than it showed, a minute that
  went against its delta), found by exact means. **caused**: signals of one kind during a planted
  event of another that is known to cause it, as an iceberg absorbs. They are neither right nor
  wrong.
* **blind**: the share of seconds at which a signal could not have been false, planted events
  included. Where it is large, precision says little.
* **delay**: from the beginning of the event to the moment of match time at which it was told. Some
  must be late: a level has to have taken much, a minute has to end, silence has to have lasted.
"""
_PAIRS: Final = """
## Two venues

Both venues hear the same news, the second one a planted number of milliseconds later; makers take
up to 8 ms to act on it, each time anew. The estimate is that of each minute after the warm-up,
corrected for the venues' clocks; the goal is an error of at most {ms} ms. Real venues follow each
other less strictly, so this shows that the estimate is not biased, not how sharp it is on them.

"""
_CAPTURES: Final = """
## On real captures

Nobody labelled them, so what is told is at most a false alarm; a large trade or a sweep is one by
definition. A day is extrapolated from minutes. Folds that had too little history to say
anything at the end of a recording are named; they need minutes to hours, and captures last minutes.

"""
_NO_CAPTURES: Final = (
    "\n## On real captures\n\nNo folder of captures was given or found: skipped.\n"
)


def page(plan: Plan, result: Result) -> str:
    """Return the whole page."""
    parts = [
        _OPENING.format(plan=fill(f"Plan: {plan.words}.", 100)),
        "\n## By kind\n\n",
        _kinds(result),
        f"\nRepeated trades that were dropped and counted: {result.markets.repeated}. ",
        f"Judged: {result.markets.seconds / 3600:.1f} h of single markets, ",
        f"{result.pairs.seconds / 3600:.1f} h of pairs.\n",
        "\n## By kind and size\n\n",
        _sizes(result),
        "\n## Marks that are missed, and what else to know\n\n",
        *(f"* `{kind}`: {text}\n" for kind, text in _remarks(result)),
        _PAIRS.format(ms=LAG_MS),
        _lags(result.lags),
        _captures(result.recorded) if result.recorded else _NO_CAPTURES,
    ]
    return "".join(parts)


def _kinds(result: Result) -> str:
    head = (
        "kind, planted, found, recall, precision, F1, false, false a day, by chance, caused, blind,"
        "delay p50, delay p95, mark"
    )
    return _table(head, [_kind(kind, marks) for kind, marks in _all(result)])


def _kind(kind: SignalKind, marks: Marks) -> list[str]:
    sizes, whole = judged_sizes(kind, marks), marks.whole()
    counted = marks.whole(sizes)
    return [
        f"`{kind}`",
        str(whole.planted),
        str(whole.found),
        _share(counted.recall),
        _share(marks.precision),
        _share(marks.f1(sizes)),
        str(marks.false),
        _number(marks.false_a_day),
        str(marks.chance),
        str(marks.caused),
        _share(marks.blind),
        *_delays(whole),
        _verdict(kind, marks),
    ]


def _verdict(kind: SignalKind, marks: Marks) -> str:
    if kind not in GOALS:
        return ""
    return "; ".join(missed(kind, marks)) or "reached"


def _sizes(result: Result) -> str:
    rows = [
        [f"`{kind}`", size, str(part.planted), str(part.found), _share(part.recall), *_delays(part)]
        for kind, marks in _all(result)
        for size, part in sorted(marks.sizes.items(), key=lambda each: _strength(each[0]))
    ]
    return _table("kind, size, planted, found, recall, delay p50, delay p95", rows)


def _remarks(result: Result) -> Iterator[tuple[SignalKind, str]]:
    for kind, marks in _all(result):
        short = "; ".join(missed(kind, marks)) if kind in GOALS else ""
        text = " ".join(filter(None, (short and f"{short}.", WHY.get(kind, ""))))
        if text:
            yield kind, text


def _lags(lags: Sequence[Lag]) -> str:
    rows = [
        [
            f"{lag.planted} ms",
            "none" if lag.estimate is None else f"{lag.estimate:g} ms",
            "none" if lag.worst is None else f"{lag.worst:g} ms",
            str(len(lag.estimates)),
        ]
        for lag in sorted(lags, key=lambda lag: lag.planted)
    ]
    return _table("planted, estimate (median), worst error of a minute, minutes", rows)


def _captures(recorded: Sequence[Recorded]) -> str:
    rows = [
        [
            f"{one.venue} {one.symbol}",
            one.day.isoformat(),
            f"{one.seconds / 60:.1f}",
            ", ".join(f"`{kind}` {count}" for kind, count in sorted(one.told.items())) or "nothing",
            ", ".join(one.warming),
        ]
        for one in recorded
    ]
    a_day = ((kind, told * DAY_S / seconds) for kind, told, seconds in _told(recorded))
    daily = [[f"`{kind}`", f"{count:.0f}"] for kind, count in a_day]
    head = "market, first day, minutes, told, folds not full at the end"
    return _CAPTURES + _table(head, rows) + "\n" + _table("kind, told a day at that rate", daily)


def _told(recorded: Sequence[Recorded]) -> Iterator[tuple[SignalKind, int, float]]:
    """Yield how often each kind was told in all of them, and for how long that was watched."""
    seconds = sum(one.seconds for one in recorded)
    told = sorted((kind, count) for one in recorded for kind, count in one.told.items())
    for kind, counts in groupby(told, key=lambda each: each[0]):
        yield kind, sum(count for _, count in counts), seconds


def _all(result: Result) -> list[tuple[SignalKind, Marks]]:
    return sorted((result.markets.marks | result.pairs.marks).items())


def _delays(found: Found) -> list[str]:
    return [_time(found.delay(share)) for share in (0.5, 0.95)]


def _shown(write: Callable[[float], str]) -> Callable[[float | None], str]:
    return lambda value: "" if value is None else write(value)


_share = _shown(lambda value: f"{value:.3f}")
_number = _shown(lambda value: f"{value:.1f}")
_time = _shown(lambda ms: f"{ms / 1000:.1f} s" if abs(ms) >= 1000 else f"{ms:.0f} ms")  # noqa: PLR2004 - a second


def _strength(size: str) -> tuple[float, str]:
    """Order sizes by the number in them."""
    digits = "".join(c if c.isdigit() else " " for c in size).split()
    return (float(digits[0]) if digits else 0.0), size


def _table(head: str, rows: Sequence[Sequence[str]]) -> str:
    columns = [column.strip() for column in head.split(",")]
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)
