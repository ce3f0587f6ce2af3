"""Converts a value of the wrong shape to the intended one, for hints.

- A scalar in place of a list becomes its only entry. In place of a mapping, it becomes the
  usual field (`_STANDS_FOR`): a path is a `prefix`, `30s` a request's timeout.
- Mappings and lists are converted to each other where the meaning is the same.
- The result is None if the intention is unclear or the converted value would be invalid.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from types import UnionType
from typing import Annotated, TypeGuard, Union, get_args, get_origin

from pydantic import BeforeValidator, ValidationError
from pydantic_core import PydanticCustomError

from policies.basics.untyped import Annotation, JsonObject, Parsed
from policies.language.model.part import Part
from policies.language.values import respelled
from policies.language.values.patterns import meant_path
from policies.language.yaml.budget import Budget

MAX_ENTRIES = 20  # hints are short
MAX_TEXT = 300
_HTTP_METHOD = re.compile(r"[A-Za-z]{3,7}")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*(?:[:=]\s*(.*))?")

Reader = Callable[[Parsed], object]  # of a scalar; raises PydanticCustomError


def bare(annotation: Annotation) -> Annotation:
    """Return the type inside `Annotated[…]` and `… | None`."""
    while get_origin(annotation) in (Annotated, Union, UnionType):
        arguments = [argument for argument in get_args(annotation) if argument is not type(None)]
        annotation = arguments[0]
    return annotation


def meant(annotation: Annotation, value: Parsed) -> Parsed:
    """Return `value` in the shape of `annotation`; None if the intention is unclear."""
    if isinstance(value, str) and len(value) > MAX_TEXT:
        return None
    if isinstance(value, list | dict) and len(value) > MAX_ENTRIES:
        return None
    found = _meant(annotation, value)
    return found if found is not None and _is_good(bare(annotation), found) else None


def _is_good(annotation: Annotation, found: Parsed) -> bool:
    """Return whether all mappings in `found` are valid."""
    if isinstance(found, list):
        return all(_is_good(bare(get_args(annotation)[0]), entry) for entry in found)
    if not isinstance(found, dict) or not _is_part(annotation):
        return True
    try:
        annotation.model_validate(found, context=Budget())
    except ValidationError:
        return False
    return True


def _is_part(annotation: Annotation) -> TypeGuard[type[Part]]:
    return isinstance(annotation, type) and issubclass(annotation, Part)


def _meant(annotation: Annotation, value: Parsed) -> Parsed:
    is_scalar = isinstance(value, str | int | float)
    if is_scalar and (reader := _reader(annotation)) and not _is_part(bare(annotation)):
        return _accepted(reader, value)
    annotation = bare(annotation)
    kind = get_origin(annotation)
    if kind is list:
        return _as_list(get_args(annotation)[0], value)
    if kind is dict:
        return _as_names(annotation, value)
    if _is_part(annotation):
        return _as_part(annotation, value)
    if annotation is bool:
        return respelled.truth(value)
    if annotation is int and isinstance(value, str | float):
        return int(value) if re.fullmatch(r"[0-9]{1,9}(\.0*)?", str(value).strip()) else None
    if annotation is str and isinstance(value, int | float | bool):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return value if isinstance(value, str | int | float) and type(value) is not bool else None


def _reader(annotation: Annotation) -> Reader | None:
    """Return the function that reads a scalar of that type; None if there is none."""
    if get_origin(annotation) in (Union, UnionType):
        return next(filter(None, map(_reader, get_args(annotation))), None)
    if get_origin(annotation) is not Annotated:
        return None
    markers = get_args(annotation)[1:]
    readers = (marker.func for marker in markers if isinstance(marker, BeforeValidator))
    reader: Reader | None = next(readers, None)  # type: ignore[assignment]
    return reader


def _accepted(reader: Reader, value: Parsed) -> Parsed:
    """Return the scalar if it is valid, else the value of the reader's hint."""
    try:
        reader(value)
    except PydanticCustomError as error:
        return getattr((error.context or {}).get("hint"), "value", value)
    except TypeError:  # the reader of regular expressions needs the budget
        return value
    return value


def _as_list(inner: Annotation, value: Parsed) -> list[Parsed] | None:
    part = bare(inner)
    entries: list[Parsed]
    if isinstance(value, dict):
        if not _is_part(part):
            return None
        if value.keys() & part.model_fields.keys():
            return [value]
        entries = [_named(part, name, entry) for name, entry in value.items()]
    elif _is_part(part):
        entries = [_meant(inner, value)]
    else:
        words = respelled.words(value) if isinstance(value, str) else [value]
        entries = [_meant(inner, word) for word in words]
    return None if None in entries or not entries else entries


def _named(part: type[Part], name: object, value: Parsed) -> JsonObject | None:
    """Return an entry of a mapping as one of a list of mappings with names."""
    fields = part.model_fields
    if "name" not in fields:
        return None
    if isinstance(value, dict):
        return {"name": name, **value}
    if "value" in fields and isinstance(value, str | int | float):
        return {"name": name, "value": str(value)}
    return None


def _as_names(annotation: Annotation, value: Parsed) -> JsonObject | None:
    """Return a mapping for `production`, `[production, canary]` or `[{pool: a, weight: 9}]`."""
    part = bare(get_args(annotation)[1])
    if getattr(part, "__name__", "") != "Share":
        return None
    entries = value if isinstance(value, list) else [value]
    weights: JsonObject = {}
    for entry in entries:
        if isinstance(entry, str) and respelled.name(entry) == entry:
            weights[entry] = 1
        elif isinstance(entry, dict) and ("pool" in entry or "name" in entry):
            rest = {k: v for k, v in entry.items() if k not in ("pool", "name")}
            only = rest.keys() <= {"weight"}
            weights[str(entry.get("pool", entry.get("name")))] = (
                rest.get("weight", 1) if only else rest
            )
        else:
            return None
    return weights or None


def _as_part(part: type[Part], value: Parsed) -> Parsed:
    if isinstance(value, list):
        if part.__name__ == "Needs":
            return {"scopes": value}
        if len(value) == 1 and isinstance(value[0], dict):
            return value[0]
    stands_for = _STANDS_FOR.get(part.__name__)
    if stands_for is None or not isinstance(value, str | int | float):
        return None
    if isinstance(value, bool) and part.__name__ != "Needs":
        return None
    if callable(stands_for):
        return stands_for(value)
    field = part.model_fields[stands_for]
    annotation: Annotation = field.annotation
    for marker in field.metadata:
        annotation = Annotated[annotation, marker]
    inner = _meant(annotation, value)
    return None if inner is None else {stands_for: inner}


def _path(value: Parsed) -> dict[str, str] | None:
    text = str(value)
    exact = text.startswith("^") and text.endswith("$")
    text = text.strip("^$~= ")
    if not text.startswith("/"):
        return None
    if found := meant_path("exact" if exact else "prefix", text):
        return {found.kind: found.text}
    return {"exact" if exact else "prefix": text}


def _match(value: Parsed) -> JsonObject | None:
    path = _path(value)
    if path:
        return {"path": path}
    if value in ("http", "https"):
        return {"scheme": value}
    is_method = isinstance(value, str) and _HTTP_METHOD.fullmatch(value)
    return {"methods": [value.upper()]} if is_method else None


def _redirect(value: Parsed) -> JsonObject | None:
    if value in ("http", "https"):
        return {"scheme": value}
    if isinstance(value, int) or not isinstance(value, str):
        return None
    scheme, mark, rest = value.partition("://")
    host, slash, path = (rest if mark else value).partition("/")
    redirect: JsonObject = {"scheme": scheme} if mark else {}
    if host and (name := respelled.hostname(host)):
        redirect["hostname"] = name
    return (
        redirect | ({"path": {"full": f"/{path}"}} if slash and (path or not host) else {}) or None
    )


def _rewrite(value: Parsed) -> JsonObject | None:
    if str(value).startswith("/"):
        return {"path": {"full": value}}
    return {"hostname": respelled.hostname(str(value))}


def _variant(value: Parsed) -> JsonObject:
    field = "url" if "://" in str(value) else "binding"
    return {field: value, "pool": "production"}


def _respond(value: Parsed) -> JsonObject:
    number = _meant(int, value) if isinstance(value, str) else value
    return {"body": value} if number is None else {"status": number}


def _header(value: Parsed) -> JsonObject | None:
    found = _HEADER.fullmatch(str(value).strip())
    return {"name": found[1], "value": found[2] or ""} if found and found[2] else None


def _condition(value: Parsed) -> JsonObject | None:
    found = _HEADER.fullmatch(str(value).strip())
    return _header(value) or ({"name": found[1], "regex": ".*"} if found else None)


def _region(value: Parsed) -> JsonObject | None:
    text = str(value).upper()
    if text in ("AF", "AN", "AS", "EU", "NA", "OC", "SA"):
        return {"continents": [text]}
    return {2: {"countries": [text]}, 3: {"colos": [text]}}.get(len(text))


def _pool(value: Parsed) -> JsonObject:
    affinity = respelled.one_of(value, ("prefer", "strict"))
    return {"affinity": affinity} if affinity else {"fallback": [value]}


def _needs(value: Parsed) -> Parsed:
    return "required" if respelled.truth(value) else None


def _fraction(value: Parsed) -> dict[str, int] | None:
    found = re.fullmatch(r"([0-9]{1,7})\s*/\s*([0-9]{1,7})", str(value))
    return {"numerator": int(found[1]), "denominator": int(found[2])} if found else None


def _cors(value: Parsed) -> JsonObject | None:
    origin = "*" if value == "*" else respelled.origin(str(value))
    return {"allow_origins": [origin]} if isinstance(value, str) and origin else None


# The field that a scalar stands for, or a function that makes the mapping.
_STANDS_FOR: dict[str, str | Reader] = {
    "Active": "path",
    "Auth": "header",
    "Cache": "ttl",
    "Cors": _cors,
    "Failover": "attempts",
    "Fraction": _fraction,
    "HeaderMatch": _condition,
    "HeaderValue": _header,
    "Health": "active",
    "Limits": "body",
    "Match": _match,
    "Mirror": "pool",
    "Needs": _needs,
    "NewPath": "full",
    "Passive": "consecutive_failures",
    "PathMatch": _path,
    "Pool": _pool,
    "QueryParamMatch": _condition,
    "Quota": "limit",
    "RateLimit": lambda value: {"limit": respelled.rate(str(value)) or value, "by": "ip"},
    "Redirect": _redirect,
    "Region": _region,
    "Respond": _respond,
    "Rewrite": _rewrite,
    "RouteLimits": "body",
    "Step": "weight",
    "StickySource": lambda value: value if isinstance(value, str) else None,
    "Timeouts": "request",
    "Variant": _variant,
}
