"""The reference of the agent's endpoints, `docs/agent-api.md`, for people: from the document."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from agent.schemas.document import document
from agent.schemas.operations import OPERATIONS, Operation
from agent.schemas.refusals import HEADERS, REFUSALS
from agent.schemas.values import Schema

HEAD = """\
# The agent's API

Every endpoint of [the agent](agent.md), made from [its code](../agent/schemas) by
`python -m agent.schemas`. The same as OpenAPI 3.1 is
[openapi.json](../agent/schemas/openapi.json), which the agent also answers itself, at
`GET /openapi.json`.

Requests bring a key of the router's policy, as `Authorization: Bearer …` or `X-API-Key: …`,
but for the paths that say so. Bodies are JSON of at most 1 MiB, 100 levels deep, without fields
that are not listed. Times are in UTC, such as `2026-09-21T14:13:20.000+00:00`. `HEAD` is
answered where `GET` is, but for `/poll`.
"""


def page() -> str:
    openapi = document()
    operations = [_operation(operation, openapi) for operation in OPERATIONS]
    shapes = [_shape(name, schema) for name, schema in openapi["components"]["schemas"].items()]
    parts = [HEAD, "## Requests\n", *operations, _refusals(), "## Shapes\n", *shapes]
    return "\n".join(parts)


def _operation(source: Operation, openapi: dict[str, Any]) -> str:
    operation = openapi["paths"][source.path][source.method.lower()]
    lines = [f"### {source.method} {source.path}", "", f"{source.about}.", ""]
    if source.is_open:
        lines += ["No key is needed.", ""]
    if parameters := operation.get("parameters"):
        lines += ["| parameter | value | default | |", "|---|---|---|---|"]
        lines += [_parameter(parameter) for parameter in parameters]
        lines += [""]
    gives = _link(source.gives) if "/" not in source.gives else f"`{source.gives}`"
    also = [f"`{kind}` {about}" for kind, about in source.more.items()]
    if source.takes:
        lines += [
            f"Takes {_link(source.takes)}{', or nothing' if source.may_be_empty else ''}.",
            "",
        ]
    lines += [f"Gives {', or '.join([gives, *also])}.", ""]
    told_by = [f"`{name}` ({HEADERS[name]['description']})" for name in source.headers]
    if told_by:
        lines += [f"Headers that it may have: {', '.join(told_by)}.", ""]
    if source.refuses:
        lines += [f"Also refused with {_words(map(str, source.refuses))}.", ""]
    return "\n".join(lines)


def _parameter(parameter: dict[str, Any]) -> str:
    where = " (path)" if parameter["in"] == "path" else ""
    about = parameter.get("description", "")
    kind, usual = _kind(parameter["schema"]), _usual(parameter)
    return f"| `{parameter['name']}`{where} | {kind} | {usual} | {about} |"


def _refusals() -> str:
    own = [
        str(status)
        for status in REFUSALS
        if any(status in operation.refuses for operation in OPERATIONS)
    ]
    about = f"{', '.join(own)} are for the requests that say so; any of the others may come."
    lines = [
        "## Refusals",
        "",
        about,
        "",
        "| status | it means | the agent says | the router says |",
    ]
    lines += ["|---|---|---|---|"]
    for status, refusal in REFUSALS.items():
        agent = " or ".join(map(_link, refusal.of_agent))
        headers = "".join(f"; with `{name}`" for name, _ in refusal.headers)
        router = _link("Problem") if refusal.of_router else ""
        lines.append(f"| {status} | {refusal.about}{headers} | {agent} | {router} |")
    return "\n".join([*lines, ""])


def _shape(name: str, schema: Schema) -> str:
    return "\n".join([f"### {name}", "", *_body(schema)])


def _body(schema: Schema) -> list[str]:
    about = [f"{_sentence(schema['description'])}", ""] if schema.get("description") else []
    if "properties" in schema:
        return about + _fields(schema)
    pattern = ["```", schema["pattern"], "```", ""] if "pattern" in schema else []
    return [*about, _sentence(_kind(schema)), "", *pattern]


def _fields(schema: Schema) -> list[str]:
    required = schema.get("required", ())
    rows = []
    for name, field in schema["properties"].items():
        usual = "required" if name in required else _usual({"schema": field})
        about = field.get("description", "")
        rows.append(f"| `{name}` | {_kind(field)} | {usual} | {about} |")
    more = [] if schema.get("additionalProperties") is False else ["Others may be there.", ""]
    return ["| field | value | default | |", "|---|---|---|---|", *rows, "", *more]


def _usual(parameter: dict[str, Any]) -> str:
    schema = parameter["schema"]
    if parameter.get("required"):
        return "required"
    return f"`{json.dumps(schema['default'])}`" if "default" in schema else ""


def _kind(schema: Schema) -> str:
    """What a value is, in words."""
    if "$ref" in schema:
        return _link(schema["$ref"].rpartition("/")[2])
    if "enum" in schema:
        return _words(f"`{value}`" for value in schema["enum"])
    if forms := schema.get("anyOf") or schema.get("oneOf"):
        return _words(dict.fromkeys(map(_kind, forms)))
    kinds = schema.get("type", "anything")
    named = [kinds] if isinstance(kinds, str) else kinds
    return _words(_typed(kind, schema) for kind in named)


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
        items = _kind(schema["items"])
        of = f"({items})" if " or " in items else items
        return f"list of {of}" + _up_to(schema.get("maxItems"), "of them")
    if kind == "object" and "additionalProperties" in schema:
        of = f"object, of any names, with {_kind(schema['additionalProperties'])}"
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


def _words(texts: Iterable[str]) -> str:
    return " or ".join(texts)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"
