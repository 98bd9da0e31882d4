"""Two replicas of the API over one real deployment, each with its own clients and caches."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

import httpx2
from answering import Languages, answering
from resting import Collector, StillClock, captured, process, stopped_after

from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.values import NS_PER_MS, Venue
from cloud_marketdata.simulator.capture import Frame
from cloud_marketdata.storage.deployment import Deployment, open_stores

VENUE: Final = Venue.BINANCE_SPOT
SYMBOLS: Final = ("BTCUSDT",)
_FILE: Final = "spot_btcusdt_20240808.gz"
_FRAMES: Final = 4_000
_RANDOM: Final = Random(8)  # noqa: S311  paces nothing that matters


class Replicas(NamedTuple):
    """Both, and what is collected and processed behind them; `more` brings the second half."""

    one: Languages
    two: Languages
    clock: StillClock
    frames: Sequence[Frame]
    collector: Collector
    work: AsyncExitStack
    settings: Settings

    @property
    def first(self) -> int:
        """When the capture begins, in epoch ms."""
        return self.frames[0].received_at // NS_PER_MS

    @property
    def last(self) -> int:
        """When it ends, in epoch ms."""
        return self.frames[-1].received_at // NS_PER_MS

    async def more(self) -> None:
        """Collect and process the second half of the capture."""
        self.clock.time = stopped_after(self.frames).time
        await self.collector.collect(self.frames[len(self.frames) // 2 :])
        await process(self.collector._stores, self.clock, self.settings)


@asynccontextmanager
async def replicas(
    folder: Path, places: dict[str, str], **given: object
) -> AsyncIterator[Replicas]:
    """Collect and process half of a capture, and have two replicas answer over it."""
    frames = captured(_FILE)[:_FRAMES]
    half = frames[: len(frames) // 2]
    clock = stopped_after(half)
    chosen = {"stream_controls_per_s": 1000, "key_cache_s": 0, **places, **given}
    settings = Settings.model_validate({**chosen, "data_dir": folder / "collector"})
    async with AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(
                open_stores(
                    Deployment(_own(settings, folder / name), clock, _RANDOM, appends=not at)
                )
            )
            for at, name in enumerate(("collector", "one", "two"))
        ]
        collector = Collector(opened[0], VENUE, settings)
        await collector.collect(half)
        await process(opened[0], clock, settings)
        one, two = [
            await stack.enter_async_context(answering(each, clock, settings)) for each in opened[1:]
        ]
        yield Replicas(one, two, clock, frames, collector, stack, settings)


def _own(settings: Settings, folder: Path) -> Settings:
    return settings.model_copy(update={"data_dir": folder})


class Said(NamedTuple):
    """What came back of a question: all but the name of the request and the time of its making."""

    status: int
    body: bytes
    etag: str | None


async def said(languages: Languages, path: str, **params: Any) -> Said:  # noqa: ANN401  of any kind
    """Ask one of them."""
    return read(await languages.http.get(path, params=params))


def read(answer: httpx2.Response) -> Said:
    """Return what an answer says."""
    body = answer.content
    if not answer.is_success:
        kept = {name: told for name, told in answer.json().items() if name != "request_id"}
        body = repr(sorted(kept.items())).encode()
    return Said(answer.status_code, body, answer.headers.get("etag"))
