"""The JSON Schema of `routes.yaml` (draft 2020-12), for editors and other tools.

It is generated from the model, so it has the checks of single values; `router validate` also
checks several values together.
"""

from __future__ import annotations

import json

from policies.basics.untyped import JsonObject, Parsed
from policies.language.model.policy import Policy
from policies.language.values.values import MAX_WEIGHT

# Short forms of mappings: text or a number.
_SHORT: dict[str, JsonObject] = {
    "StickySource": {"type": "string", "pattern": r"^(cookie:.+|header:.+|api_key|ip)$"},
    "Needs": {"const": "required"},
    "Share": {"type": "number", "minimum": 0, "maximum": MAX_WEIGHT},
}


def schema() -> JsonObject:
    """Return the JSON Schema as a value."""
    document = _without_null(Policy.model_json_schema(by_alias=True, mode="validation"))
    for name, short in _SHORT.items():
        document["$defs"][name] = {"anyOf": [short, document["$defs"][name]]}
    header = document["$defs"]["Auth"]["properties"]["header"]
    header["anyOf"] = [header["items"], {key: header.pop(key) for key in ("type", "items")}]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **document,
        "title": "routes.yaml of fiberwise-router",
    }


def _without_null(schema: Parsed) -> Parsed:
    """Return the schema without null, which no field accepts: a key without a value is an error."""
    if isinstance(schema, list):
        return [_without_null(option) for option in schema if option != {"type": "null"}]
    if not isinstance(schema, dict):
        return schema
    cleaned = {key: _without_null(value) for key, value in schema.items()}
    if cleaned.get("default", ...) is None:
        del cleaned["default"]
    if len(cleaned.get("anyOf", ())) == 1:
        cleaned |= cleaned.pop("anyOf")[0]
    return cleaned


def schema_text() -> str:
    """Return the text of the committed file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
