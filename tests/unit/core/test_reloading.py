"""Settings read again: what may change does, the rest is named, and a slip changes nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from cloud_marketdata.core.config import Settings, load
from cloud_marketdata.core.reload import Reload
from cloud_marketdata.domain.values import Venue

pytestmark = pytest.mark.anyio
LIVE = ("symbols", "discover")
SPOT = "[symbols]\nbinance-spot = "


class Reloading:
    """A reload of a real file: what was applied, and what was logged."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.applied: list[Settings] = []
        self.logs: list[dict] = []
        path.write_text(text)
        self.reload = Reload(load(path), self._read, live=LIVE, apply=self.applied.append)

    def _read(self) -> Settings:
        return load(self.path)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run it while the block runs."""
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.reload.run())
            with capture_logs() as self.logs:
                yield
            task.cancel()

    async def ask(self, text: str | None) -> list[tuple[str, str]]:
        """Write the file (None: delete it), ask, and return level and event of what was said."""
        self.logs.clear()
        self.path.unlink() if text is None else self.path.write_text(text)
        self.reload.asked.set()
        for _ in range(5):
            await asyncio.sleep(0)
        return [(entry["log_level"], entry["event"]) for entry in self.logs]


@pytest.fixture
def reloading(tmp_path, monkeypatch):
    for name in ("SYMBOLS", "DISCOVER", "SAVE_MS", "PORT"):
        monkeypatch.delenv(f"MARKETDATA_{name}", raising=False)
    return Reloading(tmp_path / "settings.toml", f'{SPOT}["BTCUSDT"]\n')


async def test_symbols_and_discovery_are_applied(reloading):
    text = f'{SPOT}["ETHUSDT"]\n[discover.bybit-linear]\nquote = "USDT"\ntop = 5\n'
    async with reloading.running():
        assert await reloading.ask(text) == [("info", "settings.read_again")]
    [settings] = reloading.applied
    assert settings.symbols == {Venue.BINANCE_SPOT: ("ETHUSDT",)}
    assert settings.discover[Venue.BYBIT_LINEAR].top == 5


@pytest.mark.parametrize(
    "text",
    [None, "port = ", "unheard_of = 1", f'{SPOT}["no symbol"]', f"{SPOT}[]\n[discover.moon]", "\0"],
)
async def test_a_wrong_file_is_one_line_and_changes_nothing(reloading, text):
    async with reloading.running():
        assert await reloading.ask(text) == [("error", "settings.refused")]
        [entry] = reloading.logs
        assert entry["error"]
        assert "\n" not in entry["error"]
        assert reloading.applied == []
        assert await reloading.ask(f"{SPOT}[]") == [("info", "settings.read_again")]


async def test_settings_that_cannot_change_are_named_each_time_and_the_others_applied(reloading):
    text = f'save_ms = 500\nport = 1\n{SPOT}["ETHUSDT"]\n'
    async with reloading.running():
        for _ in range(2):
            told = await reloading.ask(text)
            assert told[0] == ("warning", "settings.need_a_restart")
            assert reloading.logs[0]["settings"] == ["port", "save_ms"]
    assert [s.symbols[Venue.BINANCE_SPOT] for s in reloading.applied] == [("ETHUSDT",)] * 2


async def test_the_environment_still_goes_before_the_file(reloading, monkeypatch):
    monkeypatch.setenv("MARKETDATA_SYMBOLS", '{"bybit-spot": ["SOLUSDT"]}')
    async with reloading.running():
        await reloading.ask(f'{SPOT}["ETHUSDT"]')
    assert reloading.applied[0].symbols[Venue.BYBIT_SPOT] == ("SOLUSDT",)
