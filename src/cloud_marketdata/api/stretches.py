"""Closed buckets of a node of the time tree, summed: a tile that may be any of the tree's lengths.

A node shorter than an hour is made of minutes, one shorter than a day of hours, any other of days.
One whose buckets are not all closed, or not there in that frame yet, is left as its buckets.
"""

from collections.abc import Mapping, Sequence

from cloud_marketdata.api.resolutions import Piece, bucket_of, source_of
from cloud_marketdata.domain.aggregate import Aggregate, combined
from cloud_marketdata.domain.timetree import LENGTHS, Node
from cloud_marketdata.domain.values import Timeframe


class Stretch(Aggregate):
    """The sum of one node; `timeframe` is that of its buckets, `last` the start of the last one.

    `first` is the start of its first bucket: quiet time has none.
    """

    __slots__ = ("first", "last", "length")

    def __init__(self, whole: Aggregate, node: Node, first: int, last: int) -> None:
        super().__init__(whole.instrument, whole.timeframe, node.start)
        self.length = node.length
        self.first, self.last = first, last
        self.bar, self.profile, self.span = whole.bar, whole.profile, whole.span
        self.position, self.final = whole.position, whole.final
        self.revision, self.late = whole.revision, whole.late

    @property
    def end(self) -> int:
        """First nanosecond after the node."""
        return self.start + self.length


def buckets_of(tile: Aggregate, days_before: int) -> list[Piece]:
    """Return the stored buckets of a tile that begin and end it, with their sources."""
    if not isinstance(tile, Stretch):
        return [bucket_of(tile, days_before)]
    frame = tile.timeframe
    return [
        Piece(start, start + frame.ns, source_of(frame, start, days_before))
        for start in sorted({tile.first, tile.last})
    ]


def frame_of(node: Node) -> Timeframe:
    """Return the timeframe of the buckets that a node is made of."""
    frames = (Timeframe.D1, Timeframe.H1, Timeframe.M1)
    return next(frame for frame in frames if frame.ns <= node.length)


def children(node: Node) -> list[Node]:
    """Return the nodes of the level below that make up a node; none for a minute."""
    level = LENGTHS.index(node.length)
    if not level:
        return []
    length = LENGTHS[level - 1]
    return [Node(start, length) for start in range(node.start, node.end, length)]


class Growth:
    """Makes stretches out of buckets as they were read, and remembers what is worth keeping.

    position: buckets that include more of the log than this stay as they are, because what is not
    inside yet is told by it. known: nodes that need not be made, None where they are empty.
    """

    def __init__(self, position: int, known: Mapping[Node, Stretch | None]) -> None:
        self.made: dict[Node, Stretch | None] = {}
        self.merged = 0
        self._position = position
        self._known = known

    def grown(self, node: Node, tiles: Sequence[Aggregate]) -> list[Aggregate]:
        """Return what a node is made of, as one stretch where that can be."""
        if node in self._known:
            known = self._known[node]
            return [known] if known else []
        frame = frame_of(node)
        if all(self._closed(tile, frame) for tile in tiles) and node.length <= Timeframe.D1.ns:
            return self._keep(node, tiles)
        below = children(node)
        if not below:
            return list(tiles)
        parts = [part for child in below for part in self.grown(child, inside(child, tiles))]
        if all(isinstance(part, Stretch) and part.timeframe is frame for part in parts):
            return self._keep(node, parts)
        return parts

    def _closed(self, tile: Aggregate, frame: Timeframe) -> bool:
        return tile.final and tile.timeframe is frame and tile.position <= self._position

    def _keep(self, node: Node, parts: Sequence[Aggregate]) -> list[Aggregate]:
        whole = combined(parts, frame_of(node), node.start)
        if whole is None:
            self.made[node] = None
            return []
        self.merged += len(parts)
        first, last = parts[0], parts[-1]
        stretch = Stretch(
            whole,
            node,
            first.first if isinstance(first, Stretch) else first.start,
            last.last if isinstance(last, Stretch) else last.start,
        )
        self.made[node] = stretch
        return [stretch]


def inside(node: Node, tiles: Sequence[Aggregate]) -> list[Aggregate]:
    """Return the tiles that begin in a node."""
    return [tile for tile in tiles if node.start <= tile.start < node.end]
