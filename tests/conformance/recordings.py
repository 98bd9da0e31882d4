"""The captures as recordings: which files belong together, and of which venue.

They lie in the `shared` folder beside the repository, are used in place and never copied.
"""

from pathlib import Path
from typing import Final, NamedTuple

from cloud_marketdata.domain.values import Venue
from cloud_marketdata.replay.instruments import read_instruments
from cloud_marketdata.replay.player import Drop, Player
from cloud_marketdata.simulator.capture import Frame, read_capture

SHARED: Final = Path(__file__).resolve().parents[3] / "shared"


class Recording(NamedTuple):
    """Files that are one recording, in order."""

    venue: Venue
    files: tuple[str, ...]


USDM_0808: Final = Recording(Venue.BINANCE_USDM, ("usdm_btcusdt_20240808.gz",))
USDM_0718: Final = Recording(
    Venue.BINANCE_USDM, ("usdm_btcusdt_20240718.gz", "usdm_btcusdt_20240719.gz")
)
USDM_0404: Final = Recording(
    Venue.BINANCE_USDM, ("usdm_btcusdt_20230404.gz", "usdm_btcusdt_20230405.gz")
)
SPOT_0808: Final = Recording(
    Venue.BINANCE_SPOT, ("spot_btcusdt_20240808.gz", "spot_btcusdt_20240809.gz")
)
SPOT_0405: Final = Recording(Venue.BINANCE_SPOT, ("spot_btcusdt_20230405_nosnapshot.gz",))
BYBIT: Final = Recording(Venue.BYBIT_LINEAR, ("bybit_linear_20260809.gz",))
RECORDINGS: Final = {
    "usdm-0808": USDM_0808,
    "usdm-0718": USDM_0718,
    "usdm-0404": USDM_0404,
    "spot-0808": SPOT_0808,
    "spot-0405": SPOT_0405,
    "bybit": BYBIT,
}


def frames(data: Path, recording: Recording) -> list[Frame]:
    """Return every frame of a recording."""
    return list(read_capture([data / name for name in recording.files]))


def player(data: Path, venue: Venue, drop: Drop | None = None, *, listed: bool = True) -> Player:
    """Return a player, with the instruments file or without."""
    known = read_instruments(data / "instruments.json", venue) if listed else []
    return Player(venue, known, drop)
