from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands leave their events where a data folder is; a developer's own is none of theirs."""
    monkeypatch.chdir(tmp_path)
