"""The schemas of an OpenAPI document in words, for its reference page."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

Schema = dict[str, Any]


def parameter_row(parameter: dict[str, Any]) -> str:
    where = " (path)" if parameter["in"] == "path" else ""
    about = parameter.get("description", "")
    kind, default = kind_text(parameter["schema"]), default_text(parameter)
    return f"| `{parameter['name']}`{where} | {kind} | {default} | {about} |"


def shape_text(name: str, schema: Schema) -> str:
    return "\n".join([f"### {name}", "", *body_lines(schema)])


def body_lines(schema: Schema) -> list[str]:
    about = [f"{sentence(schema['description'])}", ""] if schema.get("description") else []
    if "properties" in schema:
        return about + _fields(schema)
    pattern = ["```", schema["pattern"], "```", ""] if "pattern" in schema else []
    return [*about, sentence(kind_text(schema)), "", *pattern]


def _fields(schema: Schema) -> list[str]:
    required = schema.get("required", ())
    rows = []
    for name, field in schema["properties"].items():
        usual = "required" if name in required else default_text({"schema": field})
        about = field.get("description", "")
        rows.append(f"| `{name}` | {kind_text(field)} | {usual} | {about} |")
    more = [] if schema.get("additionalProperties") is False else ["Other fields are allowed.", ""]
    return ["| field | value | default | |", "|---|---|---|---|", *rows, "", *more]


def default_text(parameter: dict[str, Any]) -> str:
    schema = parameter["schema"]
    if parameter.get("required"):
        return "required"
    return f"`{json.dumps(schema['default'])}`" if "default" in schema else ""


def kind_text(schema: Schema) -> str:
    """A description of a value."""
    if "$ref" in schema:
        return link(schema["$ref"].rpartition("/")[2])
    if "enum" in schema:
        return any_of(f"`{value}`" for value in schema["enum"])
    if forms := schema.get("anyOf") or schema.get("oneOf"):
        return any_of(dict.fromkeys(map(kind_text, forms)))
    kinds = schema.get("type", "anything")
    named = [kinds] if isinstance(kinds, str) else kinds
    return any_of(_typed(kind, schema) for kind in named)


def _typed(kind: str, schema: Schema) -> str:
    if kind in ("integer", "number"):
        word = "whole number" if kind == "integer" else "number"
        return word + _range(schema.get("minimum"), schema.get("maximum"))
    if kind == "string" and schema.get("format") == "date-time":
        return "time"
    if kind == "string":
        is_shown = "pattern" in schema and "examples" in schema
        such = f" such as `{schema['examples'][0]}`" if is_shown else ""
        return "text" + such + _up_to(schema.get("maxLength"), "characters")
    if kind == "array":
        items = kind_text(schema["items"])
        of = f"({items})" if " or " in items else items
        return f"list of {of}" + _up_to(schema.get("maxItems"), "of them")
    if kind == "object" and "additionalProperties" in schema:
        of = f"object, of any names, with {kind_text(schema['additionalProperties'])}"
        return of + _up_to(schema.get("maxProperties"), "of them")
    return {"boolean": "true or false", "null": "null"}.get(kind, kind)


def _range(least: float | None, most: float | None) -> str:
    if least is None:
        return ""
    return f" from {least:,g}" + (f" to {_number(most)}" if most is not None else "")


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _up_to(most: int | None, what: str) -> str:
    return "" if most is None else f", at most {most:,} {what}"


def any_of(texts: Iterable[str]) -> str:
    return " or ".join(texts)


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def link(name: str) -> str:
    return f"[{name}](#{name.lower()})"
