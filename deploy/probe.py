# ruff: noqa: INP001  (a program that is copied into an image, in no package)
"""Says to a container engine whether the process beside it lives: exit 0, or 1 with a line.

It asks /live, or the path that is given, such as /ready: at the port of the API, or of a process
that does not serve at its operations port. Written with nothing but the standard library, because
it starts every few seconds; and it is no command of `marketdata`, which would be audited each time.
A certificate is not checked, for the question does not leave this machine, and a server that wants
one of us lives.
"""

import os
import ssl
import sys
from http.client import HTTPConnection, HTTPException, HTTPSConnection

PATIENCE_S = 4.0
DONE = 200


def port() -> int:
    """Return where the process of this environment answers; ValueError where that is nowhere."""
    serves = os.environ.get("MARKETDATA_ROLE", "all") in {"all", "serve"}
    told = os.environ.get("MARKETDATA_PORT", "8000")
    return int(told if serves else os.environ.get("MARKETDATA_OPS_PORT", ""))


def connection() -> HTTPConnection:
    """Return a connection that is not opened yet, with TLS where the API speaks it."""
    serves = os.environ.get("MARKETDATA_ROLE", "all") in {"all", "serve"}
    if not serves or not os.environ.get("MARKETDATA_TLS_CERTIFICATE"):
        return HTTPConnection("127.0.0.1", port(), timeout=PATIENCE_S)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return HTTPSConnection("127.0.0.1", port(), timeout=PATIENCE_S, context=context)


def main(path: str = "/live") -> str:
    """Ask; return what is wrong, or nothing."""
    try:
        asking = connection()
        asking.request("GET", path)
        status = asking.getresponse().status
    except ssl.SSLError:
        return ""
    except (OSError, HTTPException, ValueError) as error:
        return f"{path}: {error}"
    return "" if status == DONE else f"{path}: {status}"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]) or 0)
