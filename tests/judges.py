"""The judges in JavaScript that tests ask: AsyncAPI's official parser and the MCP Inspector.

`make node` installs them beside their lock. A test that asks one where it is not is skipped with a
plain message; `make test` installs them first.
"""

import asyncio
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import pytest

_TOOLS = Path(__file__).parents[1] / "tools" / "node"
_INSPECTOR = "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"


class Verdict(NamedTuple):
    """How a judge ended, and what it said."""

    code: int
    out: str
    err: str


async def asyncapi_diagnostics(document: str) -> list[dict[str, Any]]:
    """Return all that AsyncAPI's official parser finds in a document; empty means it is right."""
    verdict = await _ask("asyncapi.mjs", given=document)
    assert verdict.code == 0, verdict.err
    said = json.loads(verdict.out)
    assert said["parsed"] or said["diagnostics"]
    found: list[dict[str, Any]] = said["diagnostics"]
    return found


async def inspect(*arguments: str, home: Path) -> Verdict:
    """Run the Inspector's command: a target (`--server-url URL`, or a command), then its options.

    home: an empty folder, so that no catalog of servers of whoever runs the tests is read.
    """
    return await _ask(_INSPECTOR, "--cli", *arguments, env=os.environ | {"HOME": str(home)})


async def _ask(
    script: str, *arguments: str, given: str = "", env: dict[str, str] | None = None
) -> Verdict:
    if not (_TOOLS / "node_modules" / ".ready").exists():
        pytest.skip("tools/node is not installed: make node")
    process = await asyncio.create_subprocess_exec(
        *("node", str(_TOOLS / script), *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=env,
    )
    try:
        async with asyncio.timeout(60):
            out, err = await process.communicate(given.encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return Verdict(process.returncode, out.decode(), err.decode())
