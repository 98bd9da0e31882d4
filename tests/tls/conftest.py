import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from tls_site import Pems

_MAKE = Path(__file__).parents[2] / "scripts/make-certs"


@pytest.fixture
def anyio_backend():
    """As the service runs."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(scope="session")
def pems(tmp_path_factory: pytest.TempPathFactory) -> Pems:
    """What `make certs` makes; nobody changes it."""
    folder = tmp_path_factory.mktemp("certs")
    subprocess.run([_MAKE, folder], check=True, capture_output=True)
    return Pems(folder)
