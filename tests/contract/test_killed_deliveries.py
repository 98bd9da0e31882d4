"""Keys are delivered by a real process that is really killed: its file never holds a dead end."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest
from delivering_process import DEADLY, Deliveries, LeapingClock

from cloud_marketdata.security.keys.folder import KeyFolder
from cloud_marketdata.storage.embedded import open_embedded

pytestmark = pytest.mark.anyio
PROGRAM = Path(__file__).parent / "delivering_process.py"


@pytest.mark.parametrize("place", ["stage", "staged", "publish", "published"])
async def test_wherever_a_delivery_is_killed_the_file_s_readers_go_on(tmp_path, place):
    data, folder = tmp_path / "data", tmp_path / "keys"
    process = await asyncio.create_subprocess_exec(
        sys.executable, PROGRAM, data, folder, place, stdout=-1, stderr=-1
    )
    printed, told = await process.communicate()
    used = printed.decode().split()
    assert (process.returncode, told) == (-signal.SIGKILL, b"")
    assert len(used) == DEADLY - 1

    # The dead process's lease lapses by the same clock.
    clock = LeapingClock()
    async with open_embedded(data, clock) as stores:
        deliveries = Deliveries(stores, clock, folder, KeyFolder(folder))
        await deliveries.begin()
        # An hour after the death the file holds the old key or the new one, and it is taken.
        found = await deliveries.read()
        assert (found == used[-1]) == (place != "published")
        await deliveries.rotating.round()
        now = await deliveries.read()
        records = await stores.keys.all()

    # Between the change and the rename a successor was lost, and another one took its place.
    lost = [one for one in records if one.revoked_at]
    assert len(lost) == (place == "publish")
    assert (now == used[-1]) == (place in {"stage", "staged"})
    assert [one.id for one in records if not one.replaced_by and not one.revoked_at] == [now]
    assert all(not one.used_at for one in lost)
