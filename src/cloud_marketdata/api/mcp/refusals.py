"""What fails in MCP becomes the problem object that REST would answer.

A tool's refusal is a result that says so, with the problem as its text; resources and prompts have
no such result, so theirs is a JSON-RPC error with the problem as its data.
"""

import logging
from typing import Final

from fastmcp.exceptions import (
    FastMCPError,
    NotFoundError,
    ToolError,
    ValidationError,
)
from fastmcp.prompts import PromptResult
from fastmcp.resources import ResourceResult
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools import ToolResult
from mcp import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CallToolRequestParams,
    GetPromptRequestParams,
    ReadResourceRequestParams,
)
from pydantic import ValidationError as PydanticError

from cloud_marketdata.api.errors import Problem, Problems, faults_of
from cloud_marketdata.core.errors import MarketDataError

_NAMELESS: Final = {
    "tool": ("unknown_tool", "there is no such tool; list them"),
    "resource": ("unknown_resource", "there is no such resource; list them and their templates"),
    "prompt": ("unknown_prompt", "there is no such prompt; list them"),
}
_SERVER_FAULT: Final = 500


class RefusedCallError(ToolError):
    """A tool was refused or failed; its text is the problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.model_dump_json(exclude_none=True), log_level=logging.DEBUG)
        self.problem = problem


class RefusedRequestError(MCPError):
    """A resource or a prompt was refused or failed; its data is the problem."""

    def __init__(self, problem: Problem) -> None:
        code = INTERNAL_ERROR if problem.status >= _SERVER_FAULT else INVALID_PARAMS
        told = problem.model_dump(mode="json", exclude_none=True)
        super().__init__(code, problem.detail, told)
        self.problem = problem


class ProblemMiddleware(Middleware):
    """Turns every refusal and failure into a problem."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems

    async def on_call_tool(
        self,
        context: MiddlewareContext[CallToolRequestParams],
        call_next: CallNext[CallToolRequestParams, ToolResult],
    ) -> ToolResult:
        """Call the tool and translate what it raises."""
        try:
            return await call_next(context)
        except Exception as error:
            raise RefusedCallError(self._of(error, "tool")) from error

    async def on_read_resource(
        self,
        context: MiddlewareContext[ReadResourceRequestParams],
        call_next: CallNext[ReadResourceRequestParams, ResourceResult],
    ) -> ResourceResult:
        """Read the resource and translate what it raises."""
        try:
            return await call_next(context)
        except Exception as error:
            raise RefusedRequestError(self._of(error, "resource")) from error

    async def on_get_prompt(
        self,
        context: MiddlewareContext[GetPromptRequestParams],
        call_next: CallNext[GetPromptRequestParams, PromptResult],
    ) -> PromptResult:
        """Write the prompt and translate what it raises."""
        try:
            return await call_next(context)
        except Exception as error:
            raise RefusedRequestError(self._of(error, "prompt")) from error

    def _of(self, error: Exception, what: str) -> Problem:
        cause = error.__cause__ if isinstance(error, FastMCPError) else error
        if isinstance(cause, PydanticError):
            return self._problems.invalid(faults_of([dict(found) for found in cause.errors()]))
        if isinstance(error, NotFoundError):
            code, words = _NAMELESS[what]
            return self._problems.make(code, 404, words)
        if isinstance(cause, MarketDataError):
            return self._problems.of(cause)
        if what == "prompt" and isinstance(error, ValidationError | FastMCPError):
            return self._problems.make("invalid_request", 422, "an argument is missing")
        return self._problems.of(error)
