"""The symbols of one venue that this process has, each by a lease, and the tokens of the leases.

Leases are kept, taken and given back one question after the other, so that none is kept by mistake
which has just been given. A token that comes back changed says that somebody else had the symbol.
After a time without answers, in which leases may have lapsed unseen, nothing new is taken for as
long as a lease lasts: whoever had something may keep it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.ports import Stores

_BEATS: Final = 4
"""Times that a lease is kept while it would last."""


class Tenures:
    """What is ours; `lost` counts what another one took. beat_s: how often `keep` is due."""

    def __init__(
        self, venue: Venue, stores: Stores, holder: str, seconds: float, clock: Clock
    ) -> None:
        self.lost = 0
        self.beat_s = seconds / _BEATS
        self._venue = venue
        self._stores = stores
        self._holder = holder
        self._seconds = seconds
        self._clock = clock
        self._tokens: dict[str, int] = {}
        self._turn = asyncio.Lock()
        self._answered_at = clock.monotonic()
        self._quiet_until = 0.0
        self._question = f"ask/{holder}"

    @property
    def tokens(self) -> Mapping[str, int]:
        """The symbols that are ours with their tokens."""
        return self._tokens

    @property
    def quiet(self) -> bool:
        """Whether nothing new may be taken yet."""
        return self._clock.monotonic() < self._quiet_until

    async def keep(self) -> list[str]:
        """Keep every lease; returns the symbols that are lost. Raises StorageError."""
        async with self._turn:
            symbols = list(self._tokens)
            # The first one is nobody's concern: it asks whether the store answers all the time.
            tokens = (await self._ask([self._question, *symbols]))[1:]
            lost = [
                symbol
                for symbol, token in zip(symbols, tokens, strict=True)
                if token != self._tokens[symbol]
            ]
            for symbol in lost:
                del self._tokens[symbol]
            self.lost += len(lost)
            return lost

    async def take(self, symbols: Sequence[str]) -> list[str]:
        """Take what nobody has; returns what is ours now. Raises StorageError.

        Whoever had one before can append nothing more of it from then on.
        """
        async with self._turn:
            if symbols and self._clock.monotonic() - self._answered_at > self.beat_s:
                await self._ask([self._question])
            if not symbols or self.quiet:
                return []
            tokens = await self._ask(symbols)
            taken = [(s, t) for s, t in zip(symbols, tokens, strict=True) if t is not None]
            for symbol, token in taken:
                await self._stores.log.fence(self._venue, symbol, token)
                self._tokens[symbol] = token
            return [symbol for symbol, _ in taken]

    async def give(self, symbols: Sequence[str]) -> None:
        """Give leases back; for a time when all that was collected is in the log.

        Raises StorageError; then what was not given lapses.
        """
        async with self._turn:
            for symbol in symbols:
                self._tokens.pop(symbol, None)
            for symbol in symbols:
                await self._stores.leases.release(self._name(symbol), self._holder)

    async def _ask(self, symbols: Sequence[str]) -> list[int | None]:
        names = [self._name(symbol) for symbol in symbols]
        tokens = await self._stores.leases.acquire_each(names, self._holder, self._seconds)
        now = self._clock.monotonic()
        if now - self._answered_at > self._seconds / 2:
            self._quiet_until = now + self._seconds
        self._answered_at = now
        return tokens

    def _name(self, symbol: str) -> str:
        return f"collect/{self._venue}/{symbol}"
