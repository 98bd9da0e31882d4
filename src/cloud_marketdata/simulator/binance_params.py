"""What a request to Binance's REST asks for; what cannot be read is refused in Binance's words."""

from typing import Final

from starlette.requests import Request

LONGEST_NUMBER: Final = 20
MOST_ROWS: Final = 1000


class RefusedError(Exception):
    """A request is refused, with Binance's code and message."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def number(request: Request, name: str) -> int | None:
    """Return a parameter that is a whole number, or None where it is not given."""
    text = request.query_params.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER):
        legal = "legal range is '^[0-9]{1,20}$'."
        raise RefusedError(-1100, f"Illegal characters found in parameter '{name}'; {legal}")
    return int(text)


def limit(request: Request, default: int) -> int:
    """Return how many levels are asked for."""
    asked = number(request, "limit")
    if asked == 0:
        raise RefusedError(-1130, "Data sent for parameter 'limit' is not valid.")
    return default if asked is None else asked


def row_limit(request: Request) -> int:
    """Return how many rows are asked for: 500 unless told, at most 1000."""
    asked = limit(request, 500)
    if asked > MOST_ROWS:
        raise RefusedError(-1130, "Data sent for parameter 'limit' is not valid.")
    return asked
