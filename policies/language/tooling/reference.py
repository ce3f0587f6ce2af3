"""Generates the reference in `docs/language.md` from the model: each mapping with its fields."""

from __future__ import annotations

from collections.abc import Iterable
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from policies.basics.untyped import Annotation
from policies.language.model import (
    auth,
    conditions,
    drills,
    failover,
    filters,
    health,
    limits,
    rate_limits,
    rollouts,
)
from policies.language.model import policy as model
from policies.language.values.drills import read_drill_time, read_mode
from policies.language.values.failover import read_growth, read_retry_budget, read_share
from policies.language.values.limits import read_period
from policies.language.values.rollouts import (
    read_interval,
    read_mirror_share,
    read_step_weight,
    read_window,
)
from policies.language.values.values import read_duration, read_size

Parts = tuple[tuple[type[BaseModel], str], ...]

# Each mapping in the order of the file, with its path.
_PARTS: Parts = (
    (model.Policy, "the file"),
    (model.Variant, "`variants.<name>`"),
    (model.WorkerVersion, "`variants.<name>.version`"),
    (model.Pool, "`pools.<name>`"),
    (model.Region, "`regions.<name>`"),
    (auth.Auth, "`auth`"),
    (auth.ApiKey, "`auth.keys[]`"),
    (rate_limits.Quota, "`auth.keys[].rate_limits.<name>`"),
    (rate_limits.RateLimit, "`rate_limits.<name>`"),
    (drills.Drill, "`drills[]`"),
    (rollouts.Rollout, "`rollouts[]`"),
    (rollouts.Step, "`rollouts[].steps[]`"),
    (rollouts.Analysis, "`rollouts[].analysis`"),
    (rollouts.Check, "`rollouts[].analysis.checks[]`"),
    (rollouts.Window, "`rollouts[].schedule[]`"),
    (model.Route, "`routes[]`"),
    (auth.Needs, "`routes[].auth`"),
    (model.Match, "`routes[].matches[]`"),
    (model.PathMatch, "`routes[].matches[].path`"),
    (conditions.HeaderMatch, "`routes[].matches[].headers[]`"),
    (conditions.QueryParamMatch, "`routes[].matches[].query_params[]`"),
    (model.StickySource, "`routes[].sticky[]`"),
    (model.Timeouts, "`routes[].timeouts`"),
    (failover.Failover, "`routes[].failover`"),
    (model.Respond, "`routes[].respond`"),
    (filters.Share, "`routes[].split.<pool>`"),
    (filters.HeaderValue, "`routes[].respond.headers[]`, `….set[]`, `….add[]`"),
    (limits.Limits, "`limits`"),
    (limits.RouteLimits, "`routes[].limits`"),
    (health.Health, "`health`"),
    (health.Active, "`health.active`"),
    (health.Passive, "`health.passive`"),
    (filters.Filters, "`routes[].filters`"),
    (filters.BackendFilters, "`routes[].split.<pool>.filters`"),
    (filters.HeaderChanges, "`….filters.request_headers`, `….filters.response_headers`"),
    (filters.Redirect, "`routes[].filters.redirect`"),
    (filters.Rewrite, "`….filters.rewrite`"),
    (filters.NewPath, "`….redirect.path`, `….rewrite.path`"),
    (filters.Mirror, "`….filters.mirrors[]`"),
    (filters.Fraction, "`….filters.mirrors[].fraction`"),
    (filters.Cors, "`routes[].filters.cors`"),
    (filters.Cache, "`routes[].filters.cache`"),
)
_SHORT_TEXTS: dict[object, str] = {
    read_drill_time: "duration",
    read_duration: "duration",
    read_growth: "percentage",
    read_interval: "duration",
    read_mirror_share: "percentage",
    read_mode: "text",
    read_period: "duration",
    read_retry_budget: "percentage or `none`",
    read_share: "percentage",
    read_size: "size",
    read_step_weight: "number or percentage",
    read_window: "duration",
}
_WORDS: dict[object, str] = {
    str: "text",
    int: "number",
    float: "number",
    bool: "true or false",
    Any: "text or number",
}


def reference_text(parts: Parts = _PARTS) -> str:
    """Return Markdown with a heading and a table of fields for each mapping."""
    return "\n".join(_part(part, place) for part, place in parts)


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
    kind = _short_text(field.metadata) or _kind(field.annotation)
    return f"| `{field.alias or name}` | {kind} | {default} | {field.description} |"


def _default(value: object) -> str:
    if value is None or value == [] or value == {} or isinstance(value, BaseModel):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`" if value != "" else ""


def _literal(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _short_text(metadata: Iterable[object]) -> str | None:
    """Return the name of a text that becomes a number; None if it is not one."""
    readers = (validator.func for validator in metadata if isinstance(validator, BeforeValidator))
    return next((_SHORT_TEXTS[reader] for reader in readers if reader in _SHORT_TEXTS), None)


def _kind(annotation: Annotation) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _short_text(arguments[1:]) or _kind(arguments[0])
    if origin in (Union, UnionType):
        return _kind(next(argument for argument in arguments if argument is not type(None)))
    if origin is Literal:
        return " or ".join(f"`{_literal(argument)}`" for argument in arguments)
    if origin is list:
        if _kind(arguments[0]) == "mapping" and get_origin(arguments[0]) is Annotated:
            return "list of text or mappings"  # a short form is read
        return f"list of {_kind(arguments[0])}"
    if origin is dict:
        kind = _kind(arguments[1])
        if kind == "mapping" and get_origin(arguments[1]) is Annotated:
            kind = "number or mapping"  # a short form is read
        return f"mapping of name to {kind}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "mapping"
    return _WORDS.get(annotation, "text")  # text that is converted
