"""Schemas made short: what `tools/list` says is read by a model in every conversation.

Nothing that is left is untrue: titles, bounds and the insides of deeper objects are dropped, so a
shortened schema of an answer accepts all that the whole one accepts. The whole ones are in OpenAPI.
"""

from typing import Any, Final

Schema = dict[str, Any]

_KEPT: Final = ("type", "enum", "description", "default")
_TEXT: Final = {"string", "null"}


def compact_input(schema: Schema) -> Schema:
    """Return the schema of a tool's arguments in its shortest form, without nulls."""
    fields = {name: _argument(given) for name, given in schema["properties"].items()}
    required = {"required": schema["required"]} if schema.get("required") else {}
    return {"type": "object", "properties": fields, **required}


def compact_output(schema: Schema) -> Schema:
    """Return the schema of a tool's answer: data with its types, meta and quality with their names.

    Fields of data that are text or null are told by name, and their type once for all of them.
    """
    named = schema.get("$defs", {})
    data, meta = (_resolved(schema["properties"][name], named) for name in ("data", "meta"))
    quality = _resolved(meta["properties"]["quality"], named)
    within = {"quality": {"type": "object", "required": list(quality["properties"])}}
    others = {"type": "object", "required": list(meta["properties"]), "properties": within}
    return {
        "type": "object",
        "properties": {"data": _data(data, named), "meta": others},
        "required": ["data", "meta"],
    }


def _argument(given: Schema) -> Schema:
    short: Schema = {name: given[name] for name in _KEPT if name in given}
    if "enum" in short:
        # A name is enough of a type.
        short.pop("type", None)
    elif "anyOf" in given:
        types = [one for one in _listed(_types(given, {})) if one != "null"]
        short = {"type": types[0] if len(types) == 1 else types, **short}
    if short.get("default", 0) is None:
        del short["default"]
    return short


def _data(schema: Schema, named: Schema) -> Schema:
    types = {name: _types(found, named) for name, found in schema["properties"].items()}
    text = [name for name, found in types.items() if set(_listed(found)) <= _TEXT]
    return {
        "type": "object",
        "required": text,
        "additionalProperties": {"type": ["string", "null"]},
        "properties": {name: {"type": types[name]} for name in types if name not in text},
    }


def _resolved(schema: Schema, named: Schema) -> Schema:
    while "$ref" in schema:
        schema = named[schema["$ref"].rpartition("/")[2]]
    return schema


def _types(schema: Schema, named: Schema) -> str | list[str]:
    """Return the JSON type or types that a value may have."""
    schema = _resolved(schema, named)
    if "anyOf" in schema:
        found = [one for part in schema["anyOf"] for one in _listed(_types(part, named))]
    else:
        found = _listed(schema["type"])
    types = list(dict.fromkeys(found))
    return types[0] if len(types) == 1 else types


def _listed(types: str | list[str]) -> list[str]:
    return [types] if isinstance(types, str) else types
