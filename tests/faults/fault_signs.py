"""What can be seen of a fault: each sign knows how to look for itself and how to say itself.

The words of docs/faults.md are made from these very objects, so the page cannot say anything that
was not looked for. All of them look at one symbol, the one that the faults are aimed at.
"""

from itertools import pairwise
from typing import NamedTuple, Protocol

from fault_stage import Stage

from cloud_marketdata.collectors.tapes.gaps import order_of
from cloud_marketdata.domain.coverage import CoverageState, Covered
from cloud_marketdata.domain.events import StatusKind
from cloud_marketdata.storage.ports import BookState

SYMBOL = "BTCUSDT"


class Sign(Protocol):
    """Something that can be looked for, again and again."""

    @property
    def words(self) -> str:
        """Say it, for the table."""
        ...

    async def seen(self, stage: Stage) -> bool:
        """Look once."""
        ...


class Fact(NamedTuple):
    """A fact in the log, with some of its detail."""

    kind: StatusKind
    detail: tuple[tuple[str, int | str], ...] = ()

    @property
    def words(self) -> str:
        """See Sign."""
        detail = ", ".join(f"{name} {value}" for name, value in self.detail)
        return f"fact `{self.kind}`" + (f" ({detail})" if detail else "")

    async def seen(self, stage: Stage) -> bool:
        """See Sign."""
        told = [fact for fact in await stage.facts(SYMBOL) if fact.kind is self.kind]
        return any(all(f.detail.get(n) == v for n, v in self.detail) for f in told)


class NoFact(NamedTuple):
    """Facts that must not be told."""

    kinds: tuple[StatusKind, ...]

    @property
    def words(self) -> str:
        """See Sign."""
        return "no " + ", no ".join(f"`{kind}`" for kind in self.kinds)

    async def seen(self, stage: Stage) -> bool:
        """See Sign."""
        return not any(fact.kind in self.kinds for fact in await stage.facts(SYMBOL))


class Nothing(NamedTuple):
    """No sign at all: this cannot be found, and the ledger must not claim otherwise."""

    @property
    def words(self) -> str:
        """See Sign."""
        return "nothing can tell: ids prove no order, and there is no hint"

    async def seen(self, stage: Stage) -> bool:
        """See Sign."""
        told = {fact.kind for fact in await stage.facts(SYMBOL)}
        return not told & {StatusKind.TRADE_GAP, StatusKind.TRADES_DOUBTED}


class Count(NamedTuple):
    """By how much a counter of `/health` has grown; `most` is None where it may be more."""

    path: str
    least: int
    most: int | None = None

    @property
    def words(self) -> str:
        """See Sign."""
        if self.least == self.most:
            return f"`{self.path}` +{self.least}"
        if self.most is None:
            return f"`{self.path}` ≥ +{self.least}"
        return f"`{self.path}` +{self.least} to +{self.most}"

    async def seen(self, stage: Stage) -> bool:
        """See Sign."""
        count = await stage.counted(self.path)
        return count >= self.least and (self.most is None or count <= self.most)


def exactly(path: str, number: int) -> Count:
    """Return the sign of a counter that has grown by this number."""
    return Count(path, number, number)


class Figure(NamedTuple):
    """A figure of `/health` within bounds."""

    path: str
    least: int
    most: int

    @property
    def words(self) -> str:
        """See Sign."""
        return f"`{self.path}` between {self.least} and {self.most}"

    async def seen(self, stage: Stage) -> bool:
        """See Sign."""
        found = await stage.says(self.path)
        return isinstance(found, int | float) and self.least <= found <= self.most


class Word(NamedTuple):
    """A word of `/health`."""

    path: str
    word: str

    @property
    def words(self) -> str:
        """See Sign."""
        return f"`{self.path}` {self.word}"

    async def seen(self, stage: Stage) -> bool:
        """See Sign."""
        return await stage.says(self.path) == self.word


class Published(NamedTuple):
    """A state in which the book was published since the fault was set."""

    state: BookState

    @property
    def words(self) -> str:
        """See Sign."""
        return f"book {self.state.upper()}"

    async def seen(self, stage: Stage) -> bool:
        """See Sign."""
        return self.state in stage.states(SYMBOL)


class StaysSynced(NamedTuple):
    """A book that was never anything but SYNCED, and went on."""

    symbol: str = SYMBOL

    @property
    def words(self) -> str:
        """See Sign."""
        whose = "book" if self.symbol == SYMBOL else "the other book"
        return f"{whose} stays SYNCED"

    async def seen(self, stage: Stage) -> bool:
        """See Sign."""
        return set(stage.states(self.symbol)) == {BookState.SYNCED}


class OutOfOrder(NamedTuple):
    """Trades that came in another order than they were made."""

    @property
    def words(self) -> str:
        """See Sign."""
        return "both are kept as they came, readers sort by match time and number"

    async def seen(self, stage: Stage) -> bool:
        """See Sign."""
        came = [order_of(t) for t in await stage.trades() if t.received_at >= stage.marked_at]
        return any(later < earlier for earlier, later in pairwise(came))


class FinerGrid(NamedTuple):
    """A grid that has become finer, in the store that explains the log."""

    @property
    def words(self) -> str:
        """See Sign."""
        return "the finer scale is stored"

    async def seen(self, stage: Stage) -> bool:
        """See Sign."""
        stored = await stage.stores.instruments.find(stage.venue, SYMBOL)
        return stored is not None and stored.scale_version > 1


class Ledgered(NamedTuple):
    """What the ledger says since the fault was set: exactly these states, with trades counted."""

    covered: Covered
    states: frozenset[CoverageState]
    trades: int | None = None

    @property
    def words(self) -> str:
        """See Sign."""
        states = " and ".join(state.value for state in CoverageState if state in self.states)
        counted = "" if self.trades is None else f" ({self.trades} by id)"
        return f"{self.covered}: {states}{counted}"

    async def seen(self, stage: Stage) -> bool:
        """See Sign."""
        found = await stage.intervals(SYMBOL, self.covered)
        counted = sum(one.trades or 0 for one in found)
        return {one.state for one in found} == self.states and self.trades in {None, counted}


def trades(*states: CoverageState, count: int | None = None) -> Ledgered:
    """Return the sign of what the ledger says of trades."""
    return Ledgered(Covered.TRADES, frozenset(states), count)


def book(*states: CoverageState) -> Ledgered:
    """Return the sign of what the ledger says of the book."""
    return Ledgered(Covered.BOOK, frozenset(states))
