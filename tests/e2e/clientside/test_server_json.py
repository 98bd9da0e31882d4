"""server.json as a registry would read it, and its command as a client would start it."""

import json
import sys
import tomllib

import jsonschema
import pytest
from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from registry_rules import SCHEMA, broken_rules, command_line
from written import ROOT


@pytest.fixture
def entry():
    return json.loads((ROOT / "server.json").read_text())


@pytest.fixture
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def refused(entry):
    return not jsonschema.Draft202012Validator(SCHEMA).is_valid(entry)


def test_the_entry_is_one_that_a_registry_takes(entry, project):
    jsonschema.validate(entry, SCHEMA)

    assert list(broken_rules(entry, project, (ROOT / "README.md").read_text())) == []


@pytest.mark.parametrize(
    "change",
    [
        {"description": "x" * 101},
        {"version": "latest"},
        {"version": "^1.2.3"},
        {"name": "cloud-marketdata"},
        {"name": "io.example/two/slashes"},
        {"homepage": "https://example.com"},
        {"packages": []},
    ],
    ids=str,
)
def test_the_rules_refuse_what_a_registry_refuses(entry, change):
    assert refused(entry | change)


def test_a_package_of_another_version_or_owner_is_noticed(entry, project):
    elsewhere = project | {"version": "9.9.9", "name": "another", "scripts": {}}

    assert len(list(broken_rules(entry, elsewhere, "mcp-name: io.example/another"))) == 4


@pytest.mark.anyio
async def test_the_command_of_the_entry_starts_and_lists_the_tools(entry, demo):
    words = command_line(entry, url=f"{demo.url}/mcp")
    transport = StdioTransport(sys.executable, ["-m", "cloud_marketdata", *words])

    async with Client(transport) as client, Client(f"{demo.url}/mcp") as direct:
        listed = {tool.name for tool in await client.list_tools()}
        assert listed == {tool.name for tool in await direct.list_tools()}
        assert "get_volume_profile" in listed
