"""The reference part of `docs/language.md`: every mapping with its fields, from the model."""

from __future__ import annotations

from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from policies.language import model

# Each mapping in the order of the file, with where it stands.
_PARTS: tuple[tuple[type[BaseModel], str], ...] = (
    (model.Policy, "the file"),
    (model.Variant, "`variants.<name>`"),
    (model.WorkerVersion, "`variants.<name>.version`"),
    (model.Pool, "`pools.<name>`"),
    (model.Region, "`regions.<name>`"),
    (model.Route, "`routes[]`"),
    (model.Match, "`routes[].matches[]`"),
    (model.PathMatch, "`routes[].matches[].path`"),
    (model.HeaderMatch, "`routes[].matches[].headers[]`"),
    (model.QueryParamMatch, "`routes[].matches[].query_params[]`"),
    (model.StickySource, "`routes[].sticky[]`"),
    (model.Timeouts, "`routes[].timeouts`"),
    (model.Respond, "`routes[].respond`"),
    (model.HeaderValue, "`routes[].respond.headers[]`"),
)
_WORDS = {str: "text", int: "number", float: "number", bool: "true or false"}


def reference_text() -> str:
    """Markdown: a heading and a table of fields for each mapping."""
    return "\n".join(_part(part, place) for part, place in _PARTS)


def _part(part: type[BaseModel], place: str) -> str:
    rows = [_row(name, field) for name, field in part.model_fields.items()]
    table = ["| field | value | default | |", "|---|---|---|---|", *rows]
    return f"### {place}\n\n{part.__doc__}\n\n" + "\n".join(table) + "\n"


def _row(name: str, field: FieldInfo) -> str:
    if field.is_required():
        default = "required"
    else:
        value = field.get_default(call_default_factory=True)
        default = _default(field.examples[0] if field.examples else value)
    return f"| `{name}` | {_kind(field.annotation)} | {default} | {field.description} |"


def _default(value: Any) -> str:
    if value is None or value == [] or value == {} or isinstance(value, BaseModel):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`" if value != "" else ""


def _kind(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(arguments[0])
    if origin in (Union, UnionType):
        return _kind(next(each for each in arguments if each is not type(None)))
    if origin is Literal:
        return " or ".join(f"`{str(each).lower()}`" for each in arguments if each != "") or "text"
    if origin is list:
        return f"list of {_kind(arguments[0])}"
    if origin is dict:
        return f"mapping of name to {_kind(arguments[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "mapping"
    return _WORDS[annotation]
