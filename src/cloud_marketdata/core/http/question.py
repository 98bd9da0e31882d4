"""The head of an HTTP/2 question as ASGI has it; h2 has checked what RFC 9113 demands of it."""

import re
from typing import Any, Final
from urllib.parse import unquote

from cloud_marketdata.core.http.stream import Fields

# What HTTP/1.1 would take too; a method that is none must not look like something of ours.
_METHOD: Final = re.compile(rb"[A-Z]{1,20}")
_TARGET: Final = re.compile(rb"/[!-~]*")


def scope_of(fields: Fields, *, ends: bool) -> dict[str, Any] | None:
    """Return the scope of a question, or None for one that is none of ours.

    That is CONNECT, one without a path, and one whose body cannot be as long as its head says.
    ends: whether it has no body.
    """
    pseudo = {name: value for name, value in fields if name.startswith(b":")}
    plain = [(name, value) for name, value in fields if not name.startswith(b":")]
    target = pseudo.get(b":path", b"")
    lengths = [value for name, value in plain if name == b"content-length"]
    mistaken = len(lengths) > 1 or (ends and lengths not in ([], [b"0"]))
    method = pseudo.get(b":method", b"")
    if _METHOD.fullmatch(method) is None or _TARGET.fullmatch(target) is None or mistaken:
        return None
    authority = pseudo.get(b":authority")
    if authority is not None:
        # h2 refuses a question whose host header says something else.
        plain = [(b"host", authority), *(field for field in plain if field[0] != b"host")]
    path, _, query = target.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "2",
        "method": method.decode("ascii"),
        "scheme": "https",
        "path": unquote(path.decode("ascii")),
        "raw_path": path,
        "query_string": query,
        "headers": plain,
    }
