"""The rules of an MCP registry entry, put down here from its published description of 2025-12-11.

Nothing is fetched. `SCHEMA` is stricter than the registry's: it knows no member that this project
does not use, so a misspelt one is found. `broken_rules` holds what no schema can say.
"""

import re
from collections.abc import Iterator
from typing import Any

SCHEMA_URL = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
# One release and no range: `^1.2`, `>=1`, `1.x` and `latest` are refused by the registry.
_RELEASE = r"^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$"


def _closed(required: list[str], **members: object) -> dict[str, Any]:
    return {
        "type": "object",
        "required": required,
        "properties": members,
        "additionalProperties": False,
    }


_TEXT = {"type": "string"}
_VERSION = {"type": "string", "pattern": _RELEASE, "maxLength": 255}
_POSITIONAL = _closed(["type", "value"], type={"const": "positional"}, value=_TEXT)
_NAMED = _closed(
    ["type", "name"],
    type={"const": "named"},
    name={"type": "string", "pattern": "^--[a-z][a-z-]*$"},
    description=_TEXT,
    format={"enum": ["string", "number", "boolean", "filepath"]},
    isRequired={"type": "boolean"},
    default=_TEXT,
)
_PACKAGE = _closed(
    ["registryType", "identifier", "version", "transport"],
    registryType={"const": "pypi"},
    identifier=_TEXT,
    version=_VERSION,
    runtimeHint={"const": "uvx"},
    transport=_closed(["type"], type={"const": "stdio"}),
    packageArguments={"type": "array", "items": {"oneOf": [_POSITIONAL, _NAMED]}},
)
SCHEMA = _closed(
    ["$schema", "name", "description", "version", "packages"],
    **{"$schema": {"const": SCHEMA_URL}},
    name={
        "type": "string",
        "pattern": "^[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+$",
        "minLength": 3,
        "maxLength": 200,
    },
    title={"type": "string", "minLength": 1, "maxLength": 100},
    description={"type": "string", "minLength": 1, "maxLength": 100},
    version=_VERSION,
    packages={"type": "array", "items": _PACKAGE, "minItems": 1},
)


def broken_rules(entry: dict[str, Any], project: dict[str, Any], readme: str) -> Iterator[str]:
    """Yield what ties the entry to the package, and does not hold."""
    package = entry["packages"][0]
    if not re.search(rf"mcp-name: {re.escape(entry['name'])}(\s|<|$)", readme):
        yield "the README, which proves whose package it is, does not name the entry"
    if package["identifier"] != project["name"]:
        yield "the package has another name"
    if {entry["version"], package["version"]} != {project["version"]}:
        yield "the versions differ"
    if project["name"] not in project["scripts"]:
        yield "a runner looks for a command of the package's name, and there is none"
    namespace = entry["name"].partition("/")[0].split(".")
    if len(namespace) < 2 or not all(re.fullmatch(r"[A-Za-z0-9-]+", part) for part in namespace):
        yield "the namespace is no reversed domain"


def command_line(entry: dict[str, Any], **given: str) -> list[str]:
    """Return the arguments that a client would start the package with."""
    words = []
    for argument in entry["packages"][0]["packageArguments"]:
        if argument["type"] == "positional":
            words.append(argument["value"])
        else:
            value = given.get(argument["name"].strip("-"), argument.get("default"))
            words.append(f"{argument['name']}={value}")
    return words
