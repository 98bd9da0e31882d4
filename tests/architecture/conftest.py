"""Lists what is larger than it should be at the end of a run; too large is a failed test."""

import pytest
from repository import file_sizes, function_sizes

_FILE_SOFT = 250
_FUNCTION_SOFT = 30


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the files over 250 and the functions over 30 lines, largest first."""
    large = [size for size in file_sizes() if size.lines > _FILE_SOFT]
    large += [size for size in function_sizes() if size.lines > _FUNCTION_SOFT]
    if large:
        terminalreporter.section("larger than they should be")
    for size in sorted(large, key=lambda size: -size.lines):
        terminalreporter.line(f"{size.lines:4} {size.name}")
