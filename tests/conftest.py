"""What every test stands on: fewer examples a law, logs thrown away, real servers on demand."""

import pytest
import structlog
from hypothesis import settings

# The real servers, for every test that names one; pytest takes a plugin from this file alone.
pytest_plugins = ["servers.fixtures"]

# The unit part is run before every commit; laws that need more examples say so themselves.
settings.register_profile("quick", max_examples=25, deadline=None)
settings.load_profile("quick")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Share a run between processes by streams of tests that stay together."""
    from streams import Streams  # noqa: PLC0415  a run by one process needs no xdist

    return Streams(config, log)


def pytest_terminal_summary(terminalreporter):
    """Print what tests that passed have `told` by `record_property`, for whoever reads the log."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "told":
                terminalreporter.write_line(f"{report.nodeid}: {value}")


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
