"""What an agent asks for and what became of it, as the audit log names them."""

from typing import Any, Final, NamedTuple

from fastmcp.server.middleware import MiddlewareContext
from mcp_types import CallToolRequestParams, GetPromptRequestParams, ReadResourceRequestParams

from cloud_marketdata.api.errors import Problem
from cloud_marketdata.api.mcp.refusals import RefusedCallError, RefusedRequestError
from cloud_marketdata.security.audit.event import Outcome

_LONGEST: Final = 64
_PARAMS_MOST: Final = 32
_TEXT_MOST: Final = 256
_SERVER_FAULT: Final = 500


class Operation(NamedTuple):
    """One request: `mcp tools/call get_depth`, the resource it names, and its arguments."""

    action: str
    resource: str
    params: dict[str, str]


class Ended(NamedTuple):
    """What became of it, with the code and the status of the problem where there was one."""

    outcome: Outcome = "ok"
    code: str = ""
    status: int = 200


CANCELLED: Final = Ended("failed", "cancelled", 499)
"""The client did not wait for the answer."""


def operation_of(context: MiddlewareContext[Any]) -> Operation:
    """Name a request; what the client has chosen freely is cut."""
    message, method = context.message, (context.method or "unknown")[:_LONGEST]
    if isinstance(message, CallToolRequestParams | GetPromptRequestParams):
        name = message.name[:_LONGEST]
        return Operation(f"mcp {method} {name}", "/mcp", _texts(message.arguments or {}))
    if isinstance(message, ReadResourceRequestParams):
        return Operation(f"mcp {method}", str(message.uri)[:_TEXT_MOST], {})
    return Operation(f"mcp {method}", "/mcp", {})


def ended_by(error: Exception) -> Ended:
    """Tell what an exception stands for; one that is no problem of ours is the library's."""
    if isinstance(error, RefusedCallError | RefusedRequestError):
        return _ended(error.problem)
    return Ended("refused", "bad_request", 400)


def _ended(problem: Problem) -> Ended:
    failed = problem.status >= _SERVER_FAULT
    return Ended("failed" if failed else "refused", problem.code, problem.status)


def _texts(arguments: dict[str, Any]) -> dict[str, str]:
    named = [*arguments.items()][:_PARAMS_MOST]
    return {name[:_LONGEST]: str(value)[:_TEXT_MOST] for name, value in named}
