"""What stands out in a profile: thick and thin places, its letter, and how much the method matters.

Nodes of very many rows mean nothing to anybody, so there are none: null, never an empty list.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from cloud_marketdata.api.figures import price_text, rounded
from cloud_marketdata.api.schemas import AreaEdges, NodeOut
from cloud_marketdata.domain.profile import VolumeProfile
from cloud_marketdata.processing.metrics.expansion import Ladder
from cloud_marketdata.processing.metrics.nodes import MOST_ROWS, Node, nodes
from cloud_marketdata.processing.metrics.shape import shape
from cloud_marketdata.processing.metrics.value_area import ValueArea, value_area

METHODS: Final = ("cbot2", "one_row", "sparse", "step_3", "shortest")
NODE_RULE: Final = "1-2-3-2-1, 10 %, 5 rows apart, low 50 %"
SHAPE_RULE: Final = "B by nodes, else third of poc"


def outline(profile: VolumeProfile, ladder: Ladder, area: ValueArea) -> dict[str, Any]:
    """Return the fields hvn, lvn, shape and sensitivity of a profile's answer."""
    return _nodes(profile, ladder, area) | {"sensitivity": _sensitivity(profile, ladder, area)}


def _nodes(profile: VolumeProfile, ladder: Ladder, area: ValueArea) -> dict[str, Any]:
    if len(ladder.rows) > MOST_ROWS:
        return {"hvn": None, "lvn": None, "shape": None}
    found = nodes(ladder.lots)
    letter = None if area.poc is None else shape(ladder.rows[0], ladder.rows[-1], area.poc, found)
    return {
        "hvn": _written(profile, found.high),
        "lvn": _written(profile, found.low),
        "shape": letter,
    }


def _written(profile: VolumeProfile, found: Sequence[Node]) -> list[NodeOut]:
    width = profile.row_ticks
    return [
        NodeOut(
            low=price_text(profile.scale, node.row * width),
            high=price_text(profile.scale, node.row * width + width - 1),
            prominence_pct=format(rounded(*_parts(node), 2), "f"),
        )
        for node in found
    ]


def _parts(node: Node) -> tuple[Decimal, Decimal]:
    return Decimal(node.prominence_pct.numerator), Decimal(node.prominence_pct.denominator)


def _sensitivity(profile: VolumeProfile, ladder: Ladder, area: ValueArea) -> list[AreaEdges]:
    others = [method for method in METHODS if method != area.method]
    return [edges(profile, value_area(ladder, method=one, pct=area.pct)) for one in others]


def edges(profile: VolumeProfile, area: ValueArea) -> AreaEdges:
    """Write the prices between which a value area lies."""
    scale, width, bottom, top = profile.scale, profile.row_ticks, area.val, area.vah
    return AreaEdges(
        method=area.method,
        val=None if bottom is None else price_text(scale, bottom * width),
        vah=None if top is None else price_text(scale, top * width + width - 1),
        reached_pct=area.reached_pct,
    )
