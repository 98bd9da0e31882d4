"""When the lines of a file were written down, read from their first bytes alone. Pure."""

import re
from typing import Final

_TS: Final = re.compile(rb'^\{"ts":(\d{1,19}),', re.MULTILINE)


def times_in(data: bytes) -> tuple[int, int]:
    """Return the first and the last time (ns) among whole lines; zeros where there is none."""
    times = [int(found) for found in _TS.findall(data)]
    return (min(times), max(times)) if times else (0, 0)
