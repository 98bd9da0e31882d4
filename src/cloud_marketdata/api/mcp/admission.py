"""What an agent's key is good for: the scope of a tool, its price, and how many may listen at once.

The edge has let the request in and charged one unit for it; what a tool costs beyond that is taken
here. A refusal leaves as every refusal of a tool does. Lists and prompts are for every valid key.
"""

from typing import Final

from fastmcp.prompts import PromptResult
from fastmcp.resources import ResourceResult
from fastmcp.server.dependencies import get_http_request
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools import ToolResult
from mcp_types import CallToolRequestParams, GetPromptRequestParams, ReadResourceRequestParams

from cloud_marketdata.api.edge.visit import Visit, visit_of
from cloud_marketdata.api.mcp.evidence import URI
from cloud_marketdata.api.mcp.tape.seats import TapeSeats
from cloud_marketdata.security.gate import Gate
from cloud_marketdata.security.identity import Scope
from cloud_marketdata.security.keys.form import is_key
from cloud_marketdata.security.limits.costs import cost_of_route, cost_of_tool
from cloud_marketdata.security.refusals import KeyInQueryError

TAPE: Final = "stream_trades"
_TRADES: Final = "/v1/markets/{venue}/{symbol}/trades"
_EVIDENCE: Final = URI.partition("{")[0]
_PAID: Final = 1
"""What the edge has taken for the request itself."""


class Admission(Middleware):
    """Lets a call pass, or raises what it is refused with."""

    def __init__(self, gate: Gate, seats: TapeSeats) -> None:
        self._gate = gate
        self._seats = seats

    async def on_call_tool(
        self,
        context: MiddlewareContext[CallToolRequestParams],
        call_next: CallNext[CallToolRequestParams, ToolResult],
    ) -> ToolResult:
        """Charge a tool, and give a listener a seat."""
        visit, name = _visit(), context.message.name
        _refuse_keys(context.message.arguments)
        if name != TAPE:
            await self._charge(visit, cost_of_tool(name))
            return await call_next(context)
        await self._gate.allow(visit.identity, Scope.STREAM_READ, 0)
        with self._seats.taken(visit):
            await self._charge(visit, cost_of_tool(name))
            return await call_next(context)

    async def on_read_resource(
        self,
        context: MiddlewareContext[ReadResourceRequestParams],
        call_next: CallNext[ReadResourceRequestParams, ResourceResult],
    ) -> ResourceResult:
        """Charge a resource; evidence is made of pages of trades."""
        uri = str(context.message.uri)
        _refuse_keys(uri)
        cost = cost_of_route(_TRADES) if uri.startswith(_EVIDENCE) else _PAID
        await self._charge(_visit(), cost)
        return await call_next(context)

    async def on_get_prompt(
        self,
        context: MiddlewareContext[GetPromptRequestParams],
        call_next: CallNext[GetPromptRequestParams, PromptResult],
    ) -> PromptResult:
        """Refuse a key that stands in an argument, which would come back in the text."""
        _refuse_keys(context.message.arguments)
        return await call_next(context)

    async def _charge(self, visit: Visit, cost: int) -> None:
        more = max(0, cost - _PAID)
        counted = await self._gate.allow(visit.identity, Scope.MARKET_READ, more)
        if counted is not None:
            others = (one for one in visit.counted if one.name != counted.name)
            visit.counted = (*others, counted)


def _visit() -> Visit:
    return visit_of(get_http_request().scope)


def _refuse_keys(given: object) -> None:
    if is_key(repr(given)):
        msg = "a key stands in an argument; it counts as leaked, replace it"
        raise KeyInQueryError(msg)
