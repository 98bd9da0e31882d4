"""A capture as a source of frames, and the one thing that may be changed in it: its grid.

A capture cannot start to trade on a finer tick by itself. Once its tick is divided, every trade's
price is one new tick higher than recorded; books stay as they are, which is on the finer grid too.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import msgspec

from cloud_marketdata.simulator.capture import Frame, read_capture
from cloud_marketdata.simulator.listing import Listing
from cloud_marketdata.simulator.streams import symbol_of, target_of


class Recording:
    """The frames of captures, in order."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._finer: dict[str, Decimal] = {}

    def __iter__(self) -> Iterator[Frame]:
        for frame in read_capture(self._paths):
            yield frame._replace(payload=self._refined(frame.payload)) if self._finer else frame

    def refine(self, listing: Listing) -> None:
        """Give trades prices on a finer tick from the next frame on."""
        self._finer[listing.symbol] = listing.tick

    def _refined(self, payload: bytes) -> bytes:
        try:
            message = msgspec.json.decode(payload)
        except msgspec.DecodeError:
            return payload
        stream = str(message.get("stream") or message.get("topic") or "")
        tick = self._finer.get(symbol_of(stream))
        if tick is None or target_of(stream) != "trade":
            return payload
        data = message["data"]
        for trade in data if isinstance(data, list) else [data]:
            trade["p"] = format(Decimal(trade["p"]) + tick, "f")
        return msgspec.json.encode(message)
