"""Finds what a request needs by its method and path, in the time of a few look-ups.

A template matches as the router matches it, segment by segment, and a literal segment is preferred
to a name. What no template matches needs somebody who is known, who then learns that it is not
there; it never reaches the router.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from starlette.exceptions import HTTPException

from cloud_marketdata.api.edge.needs import KNOWN, Need

_NAME = "{}"


class Place(NamedTuple):
    """A route: its template, what it needs, and the refusal where there is no such route."""

    method: str
    template: str
    need: Need
    refusal: HTTPException | None = None


class _Node:
    """A place in the tree of segments: what goes on behind it, and what ends here by method."""

    def __init__(self) -> None:
        self.after: dict[str, _Node] = {}
        self.ends: dict[str, Place] = {}

    def reached(self, segments: list[str], at: int) -> Iterator["_Node"]:
        """Yield the nodes that the segments lead to, the most literal first."""
        if at == len(segments):
            yield self
            return
        segment = segments[at]
        if (literal := self.after.get(segment)) is not None:
            yield from literal.reached(segments, at + 1)
        if segment and (named := self.after.get(_NAME)) is not None:
            yield from named.reached(segments, at + 1)


class Directory:
    """All routes of a table such as NEEDS."""

    def __init__(self, needs: Mapping[Need, tuple[str, ...]]) -> None:
        self._root = _Node()
        for need, routes in needs.items():
            for route in routes:
                method, _, template = route.partition(" ")
                self._leaf(template).ends[method] = Place(method, template, need)

    def find(self, method: str, path: str) -> Place:
        """Return the route of a request; one with a refusal where there is none."""
        # A literal segment may not look like the name that stands for any.
        reached = [] if _NAME in path else list(self._root.reached(path.split("/"), 0))
        for node in reached:
            if method in node.ends:
                return node.ends[method]
        return _nowhere(method, [node for node in reached if node.ends])

    def _leaf(self, template: str) -> _Node:
        node = self._root
        for segment in template.split("/"):
            node = node.after.setdefault(_NAME if segment.startswith("{") else segment, _Node())
        return node


def _nowhere(method: str, nodes: list[_Node]) -> Place:
    """Return the place of what is not there: of another method, or of no method at all."""
    others = [place for node in nodes for place in node.ends.values()]
    allowed = sorted({place.method for place in others if place.method.isalpha()} - {"WEBSOCKET"})
    if not allowed:
        return Place(method, "(nowhere)", KNOWN, HTTPException(404))
    need = KNOWN if any(place.need.known for place in others) else others[0].need
    refusal = HTTPException(405, headers={"Allow": ", ".join(allowed)})
    return Place(method, others[0].template, need, refusal)
