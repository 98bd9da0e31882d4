"""How long an answer may be: a token is counted as four bytes of JSON.

Rows are left out until an answer fits, the least telling ones first, and the answer says how many.
Who asks for a number of rows, or for all of them, gets them up to what a host will still carry.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from pydantic import BaseModel

from cloud_marketdata.api.envelope import Meta
from cloud_marketdata.api.mcp.arguments import Detail

TOKEN_BYTES: Final = 4
DEFAULT_TOKENS: Final = 600
MOST_TOKENS: Final = 20_000
_FIRST_PARTS: Final = 3
_MOST_AT_FIRST: Final = 60

A = TypeVar("A", bound=BaseModel)


def fitted(make: Callable[[int], A], total: int, detail: Detail, max_rows: int | None) -> A:
    """Return the answer with as many rows as it may have.

    make: returns the answer with its n most telling rows; it grows with n.
    """
    asked = detail == "full" or max_rows is not None
    most = _MOST_AT_FIRST if max_rows is None else max_rows
    low, high = 0, {"summary": 0, "rows": min(total, most), "full": total}[detail]
    room = TOKEN_BYTES * (MOST_TOKENS if asked else DEFAULT_TOKENS)
    best = make(high)
    if not high or _size(best) < room:
        return best
    best = make(0)
    # The answer with `low` rows fits, or has none; the one with `high` rows does not.
    while high - low > 1:
        middle = (low + high) // 2
        tried = make(middle)
        if _size(tried) < room:
            low, best = middle, tried
        else:
            high = middle
    return best


def brief(meta: Meta, detail: Detail) -> Meta:
    """Return the meta with the first of its gaps and parts alone, unless all of it is wanted."""
    if detail == "full":
        return meta
    quality = meta.quality.model_copy(update={"gaps": meta.quality.gaps[:_FIRST_PARTS]})
    return meta.model_copy(update={"quality": quality, "parts": meta.parts[:_FIRST_PARTS]})


def left_out(shown: int, total: int, rows: str, full: Meta, told: Meta) -> list[str]:
    """Say in words what an answer does not hold of what was found; empty where it holds all."""
    pairs: Sequence[tuple[int, int, str]] = (
        (shown, total, rows),
        (len(told.quality.gaps), full.quality.gaps_total, "gaps"),
        (len(told.parts), len(full.parts), "parts"),
    )
    words = [f"{some} of {every} {name} shown" for some, every, name in pairs if some < every]
    return [*words, *(["more pages: meta.next_cursor"] if full.next_cursor else [])]


def _size(answer: BaseModel) -> int:
    return len(answer.model_dump_json().encode())
