"""What a process has used of CPU: it tells more than wall time where others share the cores."""

from pathlib import Path
from typing import Final

_NS_PER_S: Final = 1_000_000_000


def cpu_s(pid: int) -> float:
    """Return seconds of CPU of all its threads, or 0 where the system does not tell."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(_text(thread).partition(" ")[0] or 0) for thread in threads) / _NS_PER_S


def _text(thread: Path) -> str:
    try:
        return thread.read_text("ascii")
    except OSError:
        # A thread may end at any time.
        return ""
