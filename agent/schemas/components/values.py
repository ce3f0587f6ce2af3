"""Pieces of JSON Schema (draft 2020-12), with the limits that the code has.

How to write a shape, so that programs can make clients from the document:

- Every object is in the `SCHEMAS` of its module, under a name of its own, and others refer
  to it: `ref("Step")`. So do the alternatives of a shape: `either(ref("A"), ref("B"))`, or
  `discriminated("capability", {"database": "DatabaseJob"})` where one required field decides.
- A fixed value is `always("word")`: an `enum` of one. Generators know no `const`.
- A value that may be null is `or_null(…)`, of a `ref`, too.
- Descriptions are what the reference shows, so each value has one unless its name says it all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from agent.core.jobs.activation import ID, ID_TEXT
from agent.queue.limits import CAPABILITY, CAPABILITY_TEXT, NAME, NAME_TEXT
from workers_runtime.json_text import JsonObject

Schema = JsonObject
TIME_PATTERN = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00$"


def _with_description(schema: Schema, about: str) -> Schema:
    return {**schema, "description": about} if about else schema


def text(about: str = "", **more: object) -> Schema:
    return _with_description({"type": "string", **more}, about)


def matching(pattern: re.Pattern[str], about: str, **more: object) -> Schema:
    """Text that the whole of a pattern fits."""
    return text(about, pattern=whole_of(pattern.pattern), **more)


def whole_of(pattern: str) -> str:
    return f"^(?:{pattern})$" if "|" in pattern else f"^{pattern}$"


def whole(about: str, least: int = 0, most: int | None = None, **more: object) -> Schema:
    schema: Schema = {"type": "integer", "minimum": least}
    return _with_description(
        {**schema, **({} if most is None else {"maximum": most}), **more}, about
    )


def number(about: str, least: float = 0, most: float | None = None, **more: object) -> Schema:
    return {**whole(about, 0, None, **more), "type": "number", "minimum": least} | (
        {} if most is None else {"maximum": most}
    )


def yes_or_no(about: str, **more: object) -> Schema:
    return _with_description({"type": "boolean", **more}, about)


def always(word: str, about: str = "") -> Schema:
    return one_of((word,), about)


def one_of(words: Iterable[str], about: str = "", **more: object) -> Schema:
    return _with_description({"type": "string", "enum": list(words), **more}, about)


def listed(items: Schema, about: str = "", **more: object) -> Schema:
    return _with_description({"type": "array", "items": items, **more}, about)


def either(*schemas: Schema, about: str = "", **more: object) -> Schema:
    return _with_description({"anyOf": list(schemas), **more}, about)


def discriminated(field: str, shapes: Mapping[str, str], about: str = "") -> Schema:
    """One of several shapes, by the value of a field that each of them requires."""
    schema: Schema = {
        "oneOf": [ref(name) for name in shapes.values()],
        "discriminator": {
            "propertyName": field,
            "mapping": {value: place_of(name) for value, name in shapes.items()},
        },
    }
    return _with_description(schema, about)


def or_null(schema: Schema) -> Schema:
    if "$ref" in schema:
        about = schema.get("description", "")
        bare = {key: value for key, value in schema.items() if key != "description"}
        return either(bare, {"type": "null"}, about=about)
    return {**schema, "type": [schema["type"], "null"]}


def anything(about: str) -> Schema:
    return {"description": about}


def place_of(name: str) -> str:
    return f"#/components/schemas/{name}"


def ref(name: str, about: str = "") -> Schema:
    return _with_description({"$ref": place_of(name)}, about)


def fields_of(
    fields: dict[str, Schema],
    about: str = "",
    optional: Sequence[str] = (),
    **more: object,
) -> Schema:
    """An object of these fields and no others."""
    required = [name for name in fields if name not in optional]
    schema: Schema = {"type": "object", "properties": fields, "additionalProperties": False}
    return _with_description(
        {**schema, **({"required": required} if required else {}), **more}, about
    )


def any_object(about: str, **more: object) -> Schema:
    return _with_description({"type": "object", **more}, about)


def time(about: str) -> Schema:
    return text(about, format="date-time", pattern=TIME_PATTERN)


def an_id(about: str) -> Schema:
    return ref("Id", about)


def a_name(about: str) -> Schema:
    return ref("Name", about)


def a_capability(about: str) -> Schema:
    return ref("Capability", about)


SCHEMAS: dict[str, Schema] = {
    "Id": matching(ID, f"of a job or an agent: it {ID_TEXT}", examples=["a-1"]),
    "Name": matching(NAME, f"of a worker or a tenant: it {NAME_TEXT}", examples=["w-1"]),
    "Capability": matching(CAPABILITY, f"its name {CAPABILITY_TEXT}", examples=["text-processing"]),
}
