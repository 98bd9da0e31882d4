"""What an agent may want to look up, as resources: `marketdata://docs/quality|methods|errors`.

Each text is made of the very classes it tells of, so it cannot say anything else than they do.
"""

from collections.abc import Iterator
from inspect import getdoc
from typing import Final

from fastmcp import FastMCP

from cloud_marketdata.api import completeness
from cloud_marketdata.api.envelope import GapOut, Meta, PartOut, QualityOut, Wire
from cloud_marketdata.api.figures import VWAP_ROUNDING
from cloud_marketdata.api.mcp.tape.orders import RULE
from cloud_marketdata.api.profile_outlines import METHODS, NODE_RULE, SHAPE_RULE
from cloud_marketdata.core.errors import MarketDataError
from cloud_marketdata.processing.metrics.cvd import Policy
from cloud_marketdata.processing.metrics.sessions import SESSIONS

ROOT: Final = "marketdata://docs/"


def add_documents(mcp: FastMCP) -> None:
    """Add the three texts."""
    texts = {
        "quality": ("How to read meta.quality", quality_text),
        "methods": ("How the numbers are made", methods_text),
        "errors": ("Every code of a refusal", errors_text),
    }
    for name, (title, text) in texts.items():
        mcp.resource(
            f"{ROOT}{name}", name=name, title=title, description=title, mime_type="text/markdown"
        )(text)


def quality_text() -> str:
    """Return what every field of quality and of meta means."""
    parts = [_described(model) for model in (QualityOut, GapOut, Meta, PartOut)]
    return "\n\n".join(["# Quality", _doc(completeness), *parts])


def methods_text() -> str:
    """Return the rules by which profiles, order flow and taker orders are made."""
    named = {
        "value area": f"one of {', '.join(METHODS)}; the answer names its own",
        "nodes": NODE_RULE,
        "shape": SHAPE_RULE,
        "vwap": VWAP_ROUNDING,
        "sessions": f"{', '.join(SESSIONS)}, in UTC",
        "cvd": f"begins anew by {', '.join(Policy)}; it is never carried over a gap",
        "taker orders": RULE,
    }
    return "\n\n".join(["# Methods", *(f"**{name}**: {words}" for name, words in named.items())])


def errors_text() -> str:
    """Return every code with its status and what it means."""
    lines = [
        f"* `{error.code}` ({error.status}): {_doc(error).splitlines()[0]}"
        for error in sorted(_errors(MarketDataError), key=lambda error: error.code)
    ]
    return "\n".join(["# Errors", "A refusal is a problem object (RFC 9457).", "", *lines])


def _errors(root: type[MarketDataError]) -> Iterator[type[MarketDataError]]:
    yield root
    for child in root.__subclasses__():
        yield from _errors(child)


def _described(model: type[Wire]) -> str:
    lines = [f"* `{name}`: {field.description}" for name, field in model.model_fields.items()]
    told = [line for line in lines if not line.endswith("None")]
    return "\n".join([f"## {model.__name__.removesuffix('Out')}", _doc(model), "", *told])


def _doc(of: object) -> str:
    return getdoc(of) or ""
