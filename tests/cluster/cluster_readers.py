"""Whoever reads from the replicas all the time: a client that asks, and one that listens.

Both know two addresses, and go to the other one where the first does not answer. What counts is
whether they notice more than that.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx2
from cluster_market import MarketName
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from background import Background

_PATIENCE_S: Final = 3.0
_EVERY_S: Final = 0.2
_KINDS: Final = ("trades", "candles?timeframe=1m", "volume-profile", "coverage", "order-flow")


class Asker(Background):
    """Asks one question after the other; `unanswered` lists those that neither replica answers."""

    def __init__(self, urls: Sequence[str], markets: Sequence[MarketName]) -> None:
        super().__init__(self._ask)
        self.asked = self.turned = 0
        self.unanswered: list[str] = []
        self._urls = list(urls)
        self._paths = [f"/v1/markets/{v}/{s}/{kind}" for kind in _KINDS for v, s in markets]

    def _ask(self) -> None:
        with httpx2.Client(trust_env=False, timeout=_PATIENCE_S) as client:
            while not self.over.wait(_EVERY_S):
                path = self._paths[self.asked % len(self._paths)]
                self.asked += 1
                first = _word(client, self._urls[0] + path)
                if first == "200":
                    continue
                self.turned += 1
                self._urls.reverse()
                second = _word(client, self._urls[0] + path)
                if second != "200":
                    self.unanswered.append(f"{path}: {first}, then {second}")


class Listener(Background):
    """Hears the trades of every market from one replica or the other, without a break.

    heard: by market the ids of the trades in their order, since the first frame. hops: how often it
    went to the other replica. told: statuses and closings, counted.
    """

    def __init__(self, urls: Sequence[str], markets: Sequence[MarketName]) -> None:
        super().__init__(self._listen)
        self.heard: dict[MarketName, list[Any]] = {market: [] for market in markets}
        self.since: dict[MarketName, Mapping[str, Any]] = {}
        self.begun: dict[MarketName, int] = {}
        self.hops = 0
        self.told: Counter[str] = Counter()
        self._urls = [url.replace("http", "ws", 1) + "/v1/stream" for url in urls]

    def _listen(self) -> None:
        while not self.over.is_set():
            try:
                with connect(
                    self._urls[0], proxy=None, open_timeout=_PATIENCE_S, close_timeout=0.5
                ) as line:
                    self._hear(line)
            except (OSError, WebSocketException) as error:
                self.told[type(error).__name__] += 1
            if not self.over.wait(0.1):
                self.hops += 1
                self._urls.reverse()

    def _hear(self, line: ClientConnection) -> None:
        line.send(json.dumps({"op": "subscribe", "snapshot": False, "channels": self._channels()}))
        while not self.over.is_set():
            # Something comes once a second at least; nothing at all is a replica that sleeps.
            frame = json.loads(line.recv(timeout=_PATIENCE_S))
            if "channel" in frame:
                self._take(frame)
            elif not frame.get("ok", True):
                self.told[json.dumps(frame)[:300]] += 1
                return

    def _channels(self) -> list[dict[str, Any]]:
        asked = []
        for venue, symbol in self.heard:
            since = self.since.get((venue, symbol))
            start = {"from": since} if since else {}
            asked.append({"name": "trades", "venue": venue, "symbol": symbol, **start})
        return asked

    def _take(self, frame: Mapping[str, Any]) -> None:
        if frame["type"] == "status":
            self.told[frame["data"]["code"]] += 1
        if frame["type"] != "update":
            return
        market = next(m for m in self.heard if m == (frame["venue"], frame["symbol"]))
        self.begun.setdefault(market, frame["prev_seq"])
        self.heard[market] += [trade["id"] for trade in frame["data"]]
        self.since[market] = {"epoch": frame["epoch"], "seq": frame["seq"]}


def _word(client: httpx2.Client, url: str) -> str:
    try:
        return str(client.get(url).status_code)
    except httpx2.HTTPError as error:
        return type(error).__name__
