import sys
from pathlib import Path

import pytest

# Test folders are not packages; what starts the service lies beside the end-to-end tests.
sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))
sys.path.insert(0, str(Path(__file__).parent))

from fortress import Fortress, besieged

_LAST = "test_what_is_left"
_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    """Look at what is left of the service when everything else has been done to it."""
    last = [item for item in items if item.path.parent == _HERE and _LAST in item.path.name]
    kept = [item for item in items if item not in last]
    places = [index for index, item in enumerate(kept) if item.path.parent == _HERE]
    at = places[-1] + 1 if places else len(kept)
    items[:] = kept[:at] + last + kept[at:]


@pytest.fixture(scope="session")
def fortress(tmp_path_factory) -> Fortress:
    """Return the one service that all of this folder is done to."""
    with besieged(tmp_path_factory.mktemp("fortress")) as found:
        yield found
