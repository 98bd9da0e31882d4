"""The captures, each played once for all tests that only look at the result."""

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

# Test folders are not packages; the list of captures lies beside these tests, the smallest frames
# lie beside the unit tests of the collectors.
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(1, str(Path(__file__).parents[1] / "unit/collectors"))

from recordings import RECORDINGS, SHARED, frames, player

from cloud_marketdata.replay.player import Player

Played = Callable[[str], Player]


def _folder(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"the shared {name} folder is not beside this repository")
    return folder


@pytest.fixture(scope="session")
def data() -> Path:
    return _folder("data")


@pytest.fixture(scope="session")
def oracles() -> Path:
    return _folder("oracles")


@pytest.fixture(scope="session")
def played(data) -> Played:
    @cache
    def play(name: str) -> Player:
        recording = RECORDINGS[name]
        made = player(data, recording.venue)
        made.play(frames(data, recording))
        return made

    return play
