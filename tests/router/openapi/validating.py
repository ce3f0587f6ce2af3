"""Values against the shapes of the document, as it has them and with no other fields."""

from __future__ import annotations

from typing import Any

import jsonschema

from router.openapi.document import document, ref

DOCUMENT = document()


def closed(value: Any) -> Any:
    """The same schema, but objects have no other fields."""
    if isinstance(value, list):
        return [closed(each) for each in value]
    if not isinstance(value, dict):
        return value
    made = {name: closed(each) for name, each in value.items()}
    is_object = isinstance(value.get("properties"), dict) and value.get("type") == "object"
    return {**made, "additionalProperties": False} if is_object else made


COMPONENTS = {"schemas": closed(DOCUMENT["components"]["schemas"])}


def validate(shape: str, value: object) -> None:
    """Raises `jsonschema.ValidationError`."""
    schema = {**ref(shape), "components": COMPONENTS}
    jsonschema.Draft202012Validator(schema).validate(value)
