"""docs/faults.md, written from the cases themselves and from what one run of them measured."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from book_faults import BOOKS
from fault_cases import Case
from fault_runs import Outcome
from fault_signs import Sign
from fault_stage import IMPATIENT
from fault_trial import LAW_S
from message_faults import MESSAGES
from rest_faults import REST
from silent_faults import SILENCES
from socket_faults import SOCKETS
from venue_faults import WORLD

from cloud_marketdata.domain.values import Venue

PAGE: Final = Path(__file__).parents[2] / "docs" / "faults.md"
GROUPS: Final[Mapping[str, Sequence[Case]]] = {
    "Messages": MESSAGES,
    "Silence": SILENCES,
    "Books": BOOKS,
    "Sockets": SOCKETS,
    "REST": REST,
    "The venue itself": WORLD,
}
PAIRS: Final = [
    (case, venue) for cases in GROUPS.values() for case in cases for venue in case.venues
]
_COLUMNS: Final = (
    "fault",
    "venue",
    "found by",
    "state",
    "ledger",
    "metric",
    "over when",
    "measured",
)
_OPENING: Final = """\
# Every fault, found, told, recovered from

<!-- `make faults` writes this page; a test holds its words against the cases in tests/faults. -->

Each row is a case that `make test` runs: the simulator with one fault of [its language][language]
on a real socket, and the whole service beside it, in real time. Nothing is mocked, and the words of
the rows are made from the very objects that look for what they say.

* **found by**: what tells the fault, within {law:.0f} s of its strike. Silence cannot be told from
  a quiet market at once; there the law is {law:.0f} s after the patience that the row names. Time
  in which the machine ran nobody is not counted. Cases run side by side; one that was only late
  there is tried again alone, and that trial counts.
* **state** was seen after the strike. **ledger** and **metric** are since the fault was set, and
  must hold when all is over: the ledger's states are all there are, and `+1` counted one, no more.
* **over when**: trades equal the venue's own by REST (Binance: every id; Bybit: as far back as it
  tells), and the book that the log's events make equals the venue's by REST.
* **measured**: seconds from the strike until it was found, and until it was over, at the slowest of
  the venues, in the run that wrote this page.

Metrics are named by their path in the `detail` of a collector in `GET /health`, sessions summed up.
Waiting is made short by these settings:
{settings}.

[language]: simulator.md
"""


def page(outcomes: Mapping[tuple[str, Venue], Outcome]) -> str:
    """Return the whole page; without outcomes the measured cells are empty."""
    settings = ", ".join(f"`{name}` {value:g}" for name, value in IMPATIENT.items())
    parts = [_OPENING.format(law=LAW_S, settings=settings)]
    for title, cases in GROUPS.items():
        rows = [_row(_cells(case, outcomes)) for case in cases]
        lines = [_row(_COLUMNS), _row(["---"] * len(_COLUMNS)), *rows]
        parts.append(f"## {title}\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def unmeasured(text: str) -> str:
    """Return the page without what was measured: the last cell of each row."""
    lines = text.splitlines()
    return "\n".join(
        line.rpartition(" | ")[0] if line.startswith("| `") else line for line in lines
    )


def _cells(case: Case, outcomes: Mapping[tuple[str, Venue], Outcome]) -> list[str]:
    measured = [o for venue in case.venues if (o := outcomes.get((case.fault, venue)))]
    found = max((outcome.detected_s for outcome in measured), default=0.0)
    over = max((outcome.recovered_s for outcome in measured), default=0.0)
    patience = f" ({case.patience.words})" if case.patience.words else ""
    before = ", set before the service starts" if case.from_start else ""
    return [
        f"`{case.fault}`{before}",
        ", ".join(case.venues),
        case.detection.words + patience,
        *(_words(signs) for signs in (case.state, case.ledger, case.metric, case.recovery)),
        f"{found:.1f}, {over:.1f}" if measured else "",
    ]


def _words(signs: Sequence[Sign]) -> str:
    return "; ".join(sign.words for sign in signs) or "nothing to show yet"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
