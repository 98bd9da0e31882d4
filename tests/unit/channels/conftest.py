import sys
from pathlib import Path

import pytest

# Test folders are not packages; the studio lies beside these tests, the tape beside those of REST.
sys.path.insert(0, str(Path(__file__).parent.parent / "api"))
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
