"""What the simulator cannot play is told before anybody could connect to it."""

import asyncio
from pathlib import Path

import pytest

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.errors import BadRequestError
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.simulator.capture import CaptureError
from cloud_marketdata.simulator.server import simulate
from cloud_marketdata.simulator.staging import Simulation


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"venues": ()}, "name each venue"),
        ({"venues": (Venue.BINANCE_SPOT,), "speed": 0.0}, "speed"),
        ({"venues": (Venue.BINANCE_SPOT,), "captures": (Path("nowhere"),)}, "nowhere"),
        ({"venues": (Venue.BINANCE_SPOT,), "port": 70_000}, "port 70000"),
        ({"venues": (Venue.BINANCE_SPOT,), "instruments": Path("nowhere")}, "nowhere"),
        ({"venues": tuple(Venue), "captures": (Path("nowhere"),)}, "one venue"),
    ],
)
def test_options_that_cannot_be_are_refused_in_one_line(options, complaint):
    async def main() -> None:
        with pytest.raises(BadRequestError, match=complaint) as told:
            async with simulate(Simulation(**options), SystemClock()):
                pass
        assert "\n" not in str(told.value)

    asyncio.run(main())


def test_a_broken_capture_is_refused_before_anything_is_served(tmp_path):
    broken = tmp_path / "broken"
    broken.write_bytes(b'1723161253937085768 {"stream":"btcusdt@trade","data":{}}\nrubbish\n')

    async def main() -> None:
        with pytest.raises(CaptureError, match="broken, line 2"):
            async with simulate(
                Simulation(venues=(Venue.BINANCE_SPOT,), captures=(broken,)), SystemClock()
            ):
                pass

    asyncio.run(main())


def test_what_fails_inside_the_block_comes_out_as_it_is():
    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            async with simulate(Simulation(venues=(Venue.BINANCE_SPOT,), seed=3), SystemClock()):
                raise ZeroDivisionError

    asyncio.run(main())
