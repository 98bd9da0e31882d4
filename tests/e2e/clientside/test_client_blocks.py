"""The blocks that users paste into MCP clients: each is read as its client would, and reached."""

import json
import os
import shlex
from urllib.parse import urlsplit

import pytest
from fastmcp import Client
from fastmcp.client.transports import StdioTransport, StreamableHttpTransport
from written import ROOT, blocks

PAGES = ("README.md", "docs/agents.md")
NAME = "cloud-marketdata"


def of_block(block):
    """Return the server that a JSON block names, or None where it is no client's."""
    config = json.loads(block.text)
    servers = config.get("mcpServers") or config.get("servers")
    assert servers is None or list(servers) == [NAME]
    return servers[NAME] if servers else None


def of_command(line):
    """Return the server that `claude mcp add` would put down."""
    words = shlex.split(line)[3:]
    if words[:2] == ["--transport", "http"]:
        name, server = words[2], {"type": "http", "url": words[3]}
    else:
        cut = words.index("--")
        name, server = words[cut - 1], {"command": words[cut + 1], "args": words[cut + 2 :]}
    assert name == NAME
    return server


SERVERS = [
    *(of_block(block) for page in PAGES for block in blocks(page, "json")),
    *(
        of_command(line)
        for page in PAGES
        for block in blocks(page, "sh")
        for line in block.commands
        if line.startswith("claude mcp add")
    ),
]
# The same server stands in several blocks; it is started once.
DIFFERENT = {
    json.dumps([server.get("url"), server.get("command"), server.get("args")]): server
    for server in SERVERS
    if server
}


def test_a_block_has_the_members_that_clients_know():
    for server in filter(None, SERVERS):
        known = {"url"} if "url" in server else {"command", "args"}
        assert server.keys() - {"type"} == known
        assert server.get("type") in {None, "http" if "url" in server else "stdio"}


def placed(text, demo):
    """Return a text with what it leaves open filled in, and the demo in place of the service."""
    return (
        text.replace("<checkout>", str(ROOT))
        .replace("127.0.0.1:8000", demo.address)
        .replace("<data folder>", str(demo.folder))
    )


def client_of(server):
    if "url" in server:
        assert urlsplit(server["url"]).path == "/mcp"
        return Client(StreamableHttpTransport(server["url"]))
    assert os.access(server["command"], os.X_OK)
    return Client(StdioTransport(server["command"], server["args"]))


@pytest.mark.anyio
@pytest.mark.parametrize("server", DIFFERENT.values(), ids=["HTTP", "bridge", "data folder"])
async def test_what_a_block_says_leads_to_the_tools(server, demo):
    async with client_of(json.loads(placed(json.dumps(server), demo))) as client:
        assert len(await client.list_tools()) >= 4
        market = {"venue": "binance-usdm", "symbol": "BTCUSDT"}
        found = await client.call_tool("get_volume_profile", market)

    assert found.structured_content["meta"]["quality"]["sources"] == ["binance-usdm"]
