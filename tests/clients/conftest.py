import sys
from pathlib import Path

import pytest

# Test folders are not packages; what starts the simulator lies beside the end-to-end tests.
sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))
sys.path.insert(0, str(Path(__file__).parent))

from recorded import BYBIT_LINEAR, SPOT, USDM, Recorded, read
from stage import CLIENTS, DATA


@pytest.fixture(scope="session", autouse=True)
def _clients() -> None:
    if not (CLIENTS / ".ready").exists():
        pytest.skip("the public clients are not installed; `make clients` installs them")


def _recorded(name: str) -> Recorded:
    path = DATA / f"{name}.gz"
    if not path.exists():
        pytest.skip("the captures of ../shared/data are not here")
    return read(path)


@pytest.fixture(scope="session")
def spot() -> Recorded:
    return _recorded(SPOT)


@pytest.fixture(scope="session")
def usdm() -> Recorded:
    return _recorded(USDM)


@pytest.fixture(scope="session")
def linear() -> Recorded:
    return _recorded(BYBIT_LINEAR)
