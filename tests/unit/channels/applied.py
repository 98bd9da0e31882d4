"""What a client makes of the frames of a made channel: the rules of the protocol, and no others."""

from decimal import Decimal

LISTS = {
    "volume-profile": ("rows", "low", lambda item: Decimal(item["low"])),
    "order-flow": ("bars", "open_time", lambda item: item["open_time"]),
    "candles": ("candles", "open_time", lambda item: item["open_time"]),
    "anomalies": ("anomalies", "id", lambda item: (item["detected"], item["id"])),
    "status": ("facts", "id", lambda item: [int(part) for part in item["id"].split("-")]),
}
DESCENDING = {"bids": True, "asks": False}


class Client:
    """Applies frames; `data` is what the channel shows now, or None before a snapshot."""

    def __init__(self) -> None:
        self.data = None
        self.meta = None
        self.seq = None
        self.epoch = None
        self.trouble = None

    def take(self, frame: dict) -> None:
        """Apply one frame."""
        kind = frame["type"]
        if kind == "snapshot":
            self.data, self.meta, self.trouble = frame["data"], frame["meta"], None
            self.seq, self.epoch = frame["seq"], frame["epoch"]
        elif kind == "update":
            assert (frame["prev_seq"], frame["epoch"]) == (self.seq, self.epoch)
            assert frame["seq"] > frame["prev_seq"]
            self.seq = frame["seq"]
            self.meta = frame.get("meta", self.meta)
            apply = self._levels if frame["channel"] == "depth" else self._items
            apply(frame["channel"], frame["data"])
        elif kind == "status":
            self.trouble = frame["data"]
        else:
            assert kind == "heartbeat"
            assert self.seq in {None, frame["seq"]}

    def _items(self, channel: str, change: dict) -> None:
        name, key, order = LISTS[channel]
        bare = isinstance(self.data, list)
        held = {item[key]: item for item in (self.data if bare else self.data[name])}
        for gone in change["removed"]:
            del held[gone]
        held.update({item[key]: item for item in change[name]})
        items = sorted(held.values(), key=order)
        facts = {field: value for field, value in change.items() if field != "removed"}
        self.data = items if bare else facts | {name: items}

    def _levels(self, _channel: str, change: dict) -> None:
        facts = dict(change)
        for side, descending in DESCENDING.items():
            # A client that keeps numbers, not spellings, must get the same book.
            held = {Decimal(level["price"]): level for level in self.data[side]}
            for level in change[side]:
                price = Decimal(level["price"])
                if Decimal(level["size"]):
                    held[price] = level
                else:
                    del held[price]
            facts[side] = [held[price] for price in sorted(held, reverse=descending)]
        self.data = facts
