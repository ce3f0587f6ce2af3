"""The shapes of the document: made from the types in `policies/api`."""

from __future__ import annotations

import inspect
from typing import Any

from pydantic import TypeAdapter

from policies.api import drills, explanation, health, problems, rollouts, status
from router.edge.admin.limits import MAX_NOTE
from router.openapi.operations import OPERATIONS, TEXT

_MODULES = (status, health, drills, rollouts, explanation, problems)
PLACE = "#/components/schemas/"
Schema = dict[str, Any]


def schemas() -> dict[str, Schema]:
    """Every shape by its name, those of operations and what they refer to."""
    adapters = [(name, "serialization", TypeAdapter(_type(name))) for name in _named()]
    _, made = TypeAdapter.json_schemas(adapters, ref_template=PLACE + "{model}")  # type: ignore[arg-type]
    shapes = {name: _plain(shape) for name, shape in made["$defs"].items()}
    note = shapes["RolloutCommand"]["properties"]["note"]
    assert {"maxLength": MAX_NOTE, "type": "string"} in note["anyOf"], "the limit is the page's"
    return dict(sorted(shapes.items()))


def _named() -> list[str]:
    names = {"Problem"}
    for each in OPERATIONS:
        names.update({each.gives, each.takes, *(name for _, name in each.refuses)})
    return sorted(names - {"", TEXT})


def _type(name: str) -> Any:
    return next(getattr(module, name) for module in _MODULES if hasattr(module, name))


def _plain(value: Any) -> Any:
    """Without titles, which are the names again; a fixed value is an enum of one, since
    generators of clients know no `const`."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    made = {
        name: {field: _plain(schema) for field, schema in each.items()}
        if name == "properties"
        else _plain(each)
        for name, each in value.items()
        if name not in ("title", "const")
    }
    if "const" in value:
        made["enum"] = [value["const"]]
    if "description" in made and isinstance(made["description"], str):
        made["description"] = inspect.cleandoc(made["description"]).replace("\n", " ")
    return made
