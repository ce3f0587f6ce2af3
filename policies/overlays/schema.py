"""The JSON Schema of overlays, for editors: a policy's, with nothing required and null allowed."""

from __future__ import annotations

import json

from policies.basics.untyped import JsonObject, Parsed
from policies.language.tooling.schema import schema
from policies.overlays.merge import NAMED

_NULL = {"type": "null"}
_NAMED = {path[-1] for path in NAMED}


def overlay_schema() -> JsonObject:
    made = _optional(schema())
    return {**made, "title": "an overlay of routes.yaml of fiberwise-router"}


def overlay_schema_text() -> str:
    return json.dumps(overlay_schema(), indent=2, ensure_ascii=False) + "\n"


def _optional(part: Parsed) -> Parsed:
    """The schema of a value that may say less."""
    if isinstance(part, list):
        return [_optional(each) for each in part]
    if not isinstance(part, dict):
        return part
    fewer = ("required", "minItems", "minProperties", "default")
    made = {name: _optional(each) for name, each in part.items() if name not in fewer}
    if isinstance(made.get("properties"), dict):
        made["properties"] = {
            name: _or_null(_by_names(name, each)) for name, each in made["properties"].items()
        }
    if "patternProperties" in made:
        named = made["patternProperties"].items()
        made["patternProperties"] = {name: _or_null(each) for name, each in named}
    if isinstance(made.get("additionalProperties"), dict):
        made["additionalProperties"] = _or_null(made["additionalProperties"])
    return made


def _by_names(name: str, part: JsonObject) -> JsonObject:
    """A list that merges by names may be written as a mapping from them."""
    if name not in _NAMED or part.get("type") != "array":
        return part
    entries = {"type": "object", "additionalProperties": _or_null(part["items"])}
    return {"anyOf": [part, entries], "description": part.get("description", "")}


def _or_null(part: JsonObject) -> JsonObject:
    told = {"description": part["description"]} if "description" in part else {}
    return {"anyOf": [part, _NULL], **told}
