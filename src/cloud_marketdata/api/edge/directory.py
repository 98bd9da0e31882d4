"""Finds what a request needs by its method and path, in the time of a few look-ups.

A template matches as the router matches it, segment by segment, and where a literal segment fits no
name is tried. What no template matches needs somebody who is known, who then learns that it is not
there; it never reaches the router.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from starlette.exceptions import HTTPException

from cloud_marketdata.api.edge.needs import KNOWN, SOCKET, Need

_NAME: Final = "{}"
_KEPT: Final = 128
"""Characters of a path whose route is kept: nobody fills the memory with longer ones."""


class Place(NamedTuple):
    """A route: its template, what it needs, and where there is no such call, which others are."""

    method: str
    template: str
    need: Need
    instead: str | None = None

    def ensure(self) -> None:
        """Raise HTTPException, 404 or 405, where there is no such route or call."""
        if self.instead is not None:
            headers = {"Allow": self.instead}
            raise HTTPException(405, headers=headers) if self.instead else HTTPException(404)


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
        self._kept = lru_cache(maxsize=4096)(self._found)

    def find(self, method: str, path: str) -> Place:
        """Return the route of a request, or a place that is none."""
        return self._kept(method, path) if len(path) <= _KEPT else self._found(method, path)

    def _found(self, method: str, path: str) -> Place:
        # A literal segment may not look like the name that stands for any.
        reached = () if _NAME in path else self._root.reached(path.split("/"), 0)
        ends = next((node.ends for node in reached if node.ends), {})
        return ends.get(method) or _nowhere(method, ends)

    def _leaf(self, template: str) -> _Node:
        node = self._root
        for segment in template.split("/"):
            node = node.after.setdefault(_NAME if segment.startswith("{") else segment, _Node())
        return node


def _nowhere(method: str, others: Mapping[str, Place]) -> Place:
    """Return the place of what is not there: of another method, or of no method at all."""
    allowed = sorted(set(others) - {SOCKET})
    if not allowed:
        return Place(method, "(nowhere)", KNOWN, instead="")
    place = others[allowed[0]]
    need = KNOWN if any(one.need.known for one in others.values()) else place.need
    return Place(method, place.template, need, instead=", ".join(allowed))
