"""The letter that traders give to the outline of a profile, from where its volume lies.

`P`: the point of control is in the upper third of the range, `b`: in the lower third, `B`: two high
volume nodes with a low one between them, `D`: anything else.
"""

from cloud_marketdata.processing.metrics.nodes import Nodes


def shape(low: int, high: int, poc: int, found: Nodes) -> str:
    """Name the outline of rows `low` to `high` with that point of control and those nodes."""
    if (len(found.high), len(found.low)) == (2, 1):
        return "B"
    thirds = 3 * (poc - low)
    if thirds > 2 * (high - low):
        return "P"
    return "b" if thirds < high - low else "D"
