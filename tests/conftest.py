"""What every test stands on: fewer examples a law, logs thrown away, real servers on demand."""

import pytest
import structlog
from hypothesis import settings

# The real servers, for every test that names one; pytest takes a plugin from this file alone.
pytest_plugins = ["servers.fixtures"]

# The unit part is run before every commit; laws that need more examples say so themselves.
settings.register_profile("quick", max_examples=25, deadline=None)
settings.load_profile("quick")


def _thrown_away() -> None:
    structlog.configure(
        processors=[structlog.processors.JSONRenderer()],
        logger_factory=structlog.ReturnLoggerFactory(),
        wrapper_class=structlog.BoundLogger,
        cache_logger_on_first_use=False,
    )


_thrown_away()


@pytest.fixture(autouse=True)
def logs_are_thrown_away():
    """Undo what a command that ran inside a test did to the logs: its stream is closed by now."""
    yield
    _thrown_away()
