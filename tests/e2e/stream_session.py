"""A session with the live stream in which every kind of message occurs, and what was said in it.

A market is collected up to its half and processed; then a client asks for everything, the other
half comes, the book is lost and comes back, and the server goes away.
"""

import json
import re
from pathlib import Path
from typing import Any, Final

from answering import Languages, answering, speaking
from msgspec.structs import replace
from resting import Collector, captured, process, stopped_after
from websockets.exceptions import ConnectionClosed

from cloud_marketdata.api.stream.messages import Op
from cloud_marketdata.api.stream.ports import ChannelName
from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.values import NS_PER_MS, Venue
from cloud_marketdata.storage.memory import memory_stores
from cloud_marketdata.storage.ports import BookState, Stores

MARKET: Final = {"venue": "bybit-linear", "symbol": "BTCUSDT"}
_FILE: Final = "bybit_linear_20260809.gz"
_SETTINGS: Final = Settings(
    stream_heartbeat_s=0.5,
    stream_answers_ms=100,
    stream_depth_ms=50,
    # A key is due from its first moment on, and told so at the next look.
    key_rotate_days=0,
    key_cache_s=0,
)
_KEY: Final = "<key>"
"""What stands for a key in the guide, and in what is remembered of a session."""
_OWN: Final = {"close": "farewell", "notice": "notice"}
Message = dict[str, Any]


class Session:
    """Says things to a server, and remembers all that was said by both."""

    def __init__(self, languages: Languages) -> None:
        self.asked: list[Message] = []
        self.heard: list[Message] = []
        self.written: list[tuple[Message, Message]] = []
        """What docs/stream.md asks, and how it was answered."""
        self.page: Message = {}
        """The description that this very server gives."""
        self._languages = languages

    async def ask(self, **request: object) -> None:
        """Send a request."""
        self.asked.append(request)
        await self._languages.socket.send(json.dumps(request))

    async def show(self, key: str) -> None:
        """Send a key; that it was one is all that is remembered."""
        self.asked.append({"op": "auth", "key": _KEY})
        await self._languages.socket.send(json.dumps({"op": "auth", "key": key}))

    async def until(self, *names: str, times: int = 1) -> None:
        """Listen until each of these messages has been heard so many times."""
        while any(self._heard(name) < times for name in names):
            self.heard.append(await self._languages.hear())

    def _heard(self, name: str) -> int:
        return sum(name_of(message) == name for message in self.heard)

    async def end(self) -> None:
        """Listen until the server closes the connection."""
        try:
            while True:
                self.heard.append(await self._languages.hear())
        except ConnectionClosed:
            return


def blocks(language: str) -> list[str]:
    """Return what stands in docs/stream.md in blocks of a language."""
    page = Path(__file__).parents[2] / "docs/stream.md"
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def name_of(message: Message) -> str:
    """Return how the AsyncAPI page calls a message of the server."""
    if "channel" in message:
        return f"{message['channel']}-{message['type']}".replace("_", "-")
    if message.get("op") in _OWN:
        return _OWN[message["op"]]
    if "results" in message:
        return "channels"
    if not message["ok"]:
        return "refused"
    return {"ping": "pong", "auth": "authed", "list": "listed"}[message["op"]]


def channels(start: int) -> list[Message]:
    """Return a subscription to everything, whose answers begin at `start` (epoch ms)."""
    asked: dict[str, Message] = {
        "depth": {"levels": 3},
        "volume-profile": {"start": start, "row_ticks": 100},
        "order-flow": {"start": start, "timeframe": "5m", "measures": False},
        "candles": {"start": start, "timeframe": "1m"},
        "anomalies": {"start": start, "severity": "info,warn,critical"},
        "status": {},
    }
    return [{"name": name, **MARKET, **params} for name, params in asked.items()]


async def held() -> Session:
    """Hold the session and return it."""
    frames = captured(_FILE)
    half = len(frames) // 2
    clock = stopped_after(frames[:half])
    stores = memory_stores(clock)
    collector = Collector(stores, Venue(MARKET["venue"]), _SETTINGS)
    await collector.collect(frames[:half])
    await process(stores, clock, _SETTINGS)
    start = frames[0].received_at // NS_PER_MS // 60_000 * 60_000
    async with answering(stores, clock, _SETTINGS) as languages:
        session = Session(languages)
        session.page = (await languages.http.get("/asyncapi.json")).json()
        assert languages.guarded is not None
        key = await languages.guarded.key()
        await _as_written(session, languages.url, key)
        await _control(session, key)
        await _listen(session, start)
        clock.time = stopped_after(frames).time
        await collector.collect(frames[half:])
        await process(stores, clock, _SETTINGS)
        await session.until(*_of_all("update"))
        await _lose_book(session, stores)
        await session.until(*_of_all("heartbeat"))
        await _replay(session, start)
        assert languages.readers is not None
        languages.readers.stop()
        await session.end()
    return session


async def _as_written(session: Session, url: str, key: str) -> None:
    """Ask on another connection what the page asks."""
    async with speaking(url) as reader:
        for message in blocks("json"):
            request = json.loads(message.replace(_KEY, key))
            if request.get("op") in set(Op) and "ok" not in request:
                session.written.append((request, await reader.say(**request)))


async def _control(session: Session, key: str) -> None:
    await session.show(key)
    await session.ask(op="ping", id=1)
    await session.ask(op="dance")
    await session.until("authed", "pong", "refused", "notice")


async def _listen(session: Session, start: int) -> None:
    await session.ask(op="subscribe", id=2, channels=[{"name": "trades", **MARKET}])
    await session.ask(op="subscribe", id=3, channels=channels(start))
    await session.until(*_of_all("snapshot"))


async def _lose_book(session: Session, stores: Stores) -> None:
    view = await stores.books.find(Venue(MARKET["venue"]), MARKET["symbol"])
    assert view is not None
    await stores.books.publish(
        [replace(view, state=BookState.STALE, reason="a hole in the stream")]
    )
    await session.until("depth-status")
    await stores.books.publish([view])
    await session.until("depth-snapshot", times=2)


async def _replay(session: Session, start: int) -> None:
    trades = {"name": "trades", **MARKET}
    await session.ask(op="unsubscribe", id=4, channels=[trades])
    await session.ask(op="subscribe", id=5, channels=[trades | {"from": start}])
    await session.until("trades-caught-up")
    await session.ask(op="list", id=6)
    await session.until("listed")


def _of_all(kind: str) -> list[str]:
    return [f"{name}-{kind}" for name in ChannelName]
