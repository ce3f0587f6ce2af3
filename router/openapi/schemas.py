"""The schemas of the document, made from the types in `policies/api`."""

from __future__ import annotations

import inspect

from pydantic import TypeAdapter

from policies.api import drills, explanation, health, problems, rollouts, status
from policies.basics.untyped import Parsed
from router.edge.admin.limits import MAX_NOTE
from router.openapi.operations import OPERATIONS, TEXT

_MODULES = (status, health, drills, rollouts, explanation, problems)
PLACE = "#/components/schemas/"
Schema = dict[str, object]


def schemas() -> dict[str, Schema]:
    """Every schema by its name: those of operations, and those that they refer to."""
    adapters = [(name, "serialization", TypeAdapter(_type(name))) for name in _named()]
    _, generated = TypeAdapter.json_schemas(adapters, ref_template=PLACE + "{model}")  # type: ignore[arg-type]
    shapes = {name: _plain(shape) for name, shape in generated["$defs"].items()}
    note = shapes["RolloutCommand"]["properties"]["note"]
    assert {"maxLength": MAX_NOTE, "type": "string"} in note["anyOf"], "the limit is the page's"
    return dict(sorted(shapes.items()))


def _named() -> list[str]:
    names = {"Problem"}
    for operation in OPERATIONS:
        names.update({operation.gives, operation.takes, *(name for _, name in operation.refuses)})
    return sorted(names - {"", TEXT})


def _type(name: str) -> Parsed:
    return next(getattr(module, name) for module in _MODULES if hasattr(module, name))


def _plain(value: Parsed) -> Parsed:
    """A schema without titles, which repeat the names; `const` becomes an enum of one value, since
    generators of clients do not support it."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    plain = {
        name: {field: _plain(schema) for field, schema in item.items()}
        if name == "properties"
        else _plain(item)
        for name, item in value.items()
        if name not in ("title", "const")
    }
    if "const" in value:
        plain["enum"] = [value["const"]]
    if "description" in plain and isinstance(plain["description"], str):
        plain["description"] = inspect.cleandoc(plain["description"]).replace("\n", " ")
    return plain
