"""Sums of whole stretches of time, kept while they are true: any range costs few merges.

What is kept of a market is true up to a log position. Before it is used, the store is asked which
minutes changed behind that position, and every node above such a minute is dropped; so a late trade
makes exactly its own path new. A minute that was forgotten meanwhile cannot tell, so nodes over
which a horizon has passed are dropped too. A node that was made from what a reader saw is kept only
if nobody has looked further meanwhile, and if nothing was forgotten while it was read. All of it is
bounded by bytes: the node that was not used for longest goes.
"""

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from cloud_marketdata.api.horizons import Horizons
from cloud_marketdata.api.shelves import Shelves
from cloud_marketdata.api.stretches import Growth, Stretch, children, frame_of, inside
from cloud_marketdata.api.times import TimeRange
from cloud_marketdata.core.health import Pulse
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.timetree import Node, above, cover
from cloud_marketdata.domain.values import Timeframe, Venue

KEPT_BYTES: Final = 64 * 1024 * 1024
_ROW_BYTES: Final = 56
_NODE_BYTES: Final = 1024
_MUCH: Final = 50
"""Buckets from which on they are summed beside the event loop: others want their answers too."""

Market = tuple[Venue, str]


class TimeTrees:
    """The nodes of every market that was asked for, in one bounded memory.

    Counted for /health: nodes that were found and that had to be made, buckets and nodes that were
    merged to make them, and those dropped because a minute changed or for want of room.
    """

    def __init__(self, most_bytes: int = KEPT_BYTES) -> None:
        self.counts = dict.fromkeys(("found", "made", "merged", "outdated", "evicted"), 0)
        self._most_bytes = most_bytes
        self._bytes = 0
        self._nodes: OrderedDict[tuple[Market, Node], Stretch | None] = OrderedDict()
        self._upto: dict[Market, int] = {}
        self._passed: dict[Market, Horizons] = {}
        self._locks: defaultdict[Market, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def tiles(
        self, shelves: Shelves, within: TimeRange, frames: Sequence[Timeframe], position: int
    ) -> list[Aggregate]:
        """Return disjoint tiles that hold what is stored of a range of whole minutes, ascending.

        position: the log position that was inside the store before anything else was read.
        """
        await self._look(shelves, position)
        nodes = list(cover(*within))
        known = self._known(shelves, nodes)
        if not all(node in known for node in nodes):
            # One reads what is missing; whoever wants the same meanwhile finds it afterwards.
            async with self._locks[shelves.at]:
                known = self._known(shelves, nodes)
                return await self._grown(shelves, nodes, known, frames, position)
        self.counts["found"] += len(nodes)
        return [stretch for node in nodes if (stretch := known[node]) is not None]

    async def pulse(self) -> Pulse:
        """Tell how often a node was there; see core.health."""
        detail: dict[str, object] = {"bytes": self._bytes, "nodes": len(self._nodes), **self.counts}
        return Pulse("processing", "time_trees", "ok", ok=True, detail=detail)

    async def _look(self, shelves: Shelves, position: int) -> None:
        """Drop what is not true any more at a position."""
        at, upto = shelves.at, self._upto.get(shelves.at)
        if upto is not None and position > upto:
            for start in await shelves.changed(Timeframe.M1, upto):
                for node in above(start):
                    self.counts["outdated"] += self._drop((at, node))
        # A minute that changed and was forgotten before anybody looked is not told as changed.
        passed = self._passed.get(at, Horizons())
        for span in passed.until(shelves.horizons):
            self._forget(at, span)
        self._passed[at] = passed.latest(shelves.horizons)
        self._upto[at] = max(position, self._upto.get(at, 0))

    def _forget(self, at: Market, span: TimeRange) -> None:
        touched = [
            (market, node)
            for market, node in self._nodes
            if market == at and node.start < span.end and span.start < node.end
        ]
        self.counts["outdated"] += sum(map(self._drop, touched))

    def _known(self, shelves: Shelves, nodes: Sequence[Node]) -> dict[Node, Stretch | None]:
        """Return the nodes that are kept and whose buckets are, of these and of those below."""
        known: dict[Node, Stretch | None] = {}
        for node in nodes:
            key = (shelves.at, node)
            if key in self._nodes and shelves.horizons.of(frame_of(node)) <= node.start:
                self._nodes.move_to_end(key)
                known[node] = self._nodes[key]
            elif node.length > Timeframe.D1.ns:
                known |= self._known(shelves, children(node))
        return known

    async def _grown(
        self,
        shelves: Shelves,
        nodes: Sequence[Node],
        known: dict[Node, Stretch | None],
        frames: Sequence[Timeframe],
        position: int,
    ) -> list[Aggregate]:
        missing = _joined(leaf for node in nodes for leaf in _leaves(node, known))
        tiles = [tile for run in missing for tile in await shelves.tiles(run, frames)]
        growth = Growth(position, known)

        def grow() -> list[Aggregate]:
            return [part for node in nodes for part in growth.grown(node, inside(node, tiles))]

        parts = await asyncio.to_thread(grow) if len(tiles) > _MUCH else grow()
        self.counts["found"] += len(known)
        self.counts["made"] += len(growth.made)
        self.counts["merged"] += growth.merged
        whole = TimeRange(nodes[0].start, nodes[-1].end)
        if await shelves.stood_still(whole) and self._upto[shelves.at] == position:
            for node, stretch in growth.made.items():
                self._keep((shelves.at, node), stretch)
        return parts

    def _keep(self, key: tuple[Market, Node], stretch: Stretch | None) -> None:
        size = _size(stretch)
        if size > self._most_bytes:
            self.counts["evicted"] += 1
            return
        self._drop(key)
        while self._bytes + size > self._most_bytes:
            self.counts["evicted"] += self._drop(next(iter(self._nodes)))
        self._nodes[key] = stretch
        self._bytes += size

    def _drop(self, key: tuple[Market, Node]) -> int:
        if key not in self._nodes:
            return 0
        self._bytes -= _size(self._nodes.pop(key))
        return 1


def _size(stretch: Stretch | None) -> int:
    return _NODE_BYTES + (len(stretch.profile) * _ROW_BYTES if stretch else 0)


def _leaves(node: Node, known: dict[Node, Stretch | None]) -> list[Node]:
    """Return what has to be read to know a node: none of it more than a day at once."""
    if node in known:
        return []
    if node.length <= Timeframe.D1.ns:
        return [node]
    return [leaf for child in children(node) for leaf in _leaves(child, known)]


def _joined(nodes: Iterable[Node]) -> list[TimeRange]:
    """Return the nodes as ranges, neighbours as one."""
    runs: list[TimeRange] = []
    for node in nodes:
        if runs and runs[-1].end == node.start:
            runs[-1] = TimeRange(runs[-1].start, node.end)
        else:
            runs.append(TimeRange(node.start, node.end))
    return runs
