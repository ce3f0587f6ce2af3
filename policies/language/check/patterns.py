"""Warnings about literal text that looks like a pattern; see `check.py`.

The hint has the value to write. To match such text literally, write it as a `regex` with a
backslash before each special character.
"""

from __future__ import annotations

from collections.abc import Iterator

from policies.language.findings.findings import Path, shown
from policies.language.findings.found import Found
from policies.language.model.conditions import HeaderMatch, QueryParamMatch
from policies.language.model.filters import Filters, HeaderChanges, NewPath
from policies.language.model.policy import Match, PathMatch, Policy, Route
from policies.language.values.patterns import meant_path, meant_value
from policies.language.values.written import flow

_MAY_BE_STARS = ("accept", "if-", "access-control-")  # `*/*`, `*` are values of these


def literal_patterns(policy: Policy) -> Iterator[Found]:
    for index, route in enumerate(policy.routes):
        path: Path = ("routes", index)
        for at, match in enumerate(route.matches):
            yield from _match(match, (*path, "matches", at))
        if route.filters:
            yield from _filters(route.filters, (*path, "filters"))
        yield from _backends(route, (*path, "split"))
    for index, rollout in enumerate(policy.rollouts):
        for at, step in enumerate(rollout.steps):
            if step.header:
                yield from _value(step.header, ("rollouts", index, "steps", at, "header"))


def _match(match: Match, path: Path) -> Iterator[Found]:
    if match.path:
        yield from _path(match.path, (*path, "path"))
    for at, header in enumerate(match.headers):
        if not header.name.lower().startswith(_MAY_BE_STARS):
            yield from _value(header, (*path, "headers", at))
    for at, param in enumerate(match.query_params):
        yield from _value(param, (*path, "query_params", at))


def _path(path: PathMatch, place: Path) -> Iterator[Found]:
    kind = "exact" if path.exact is not None else "prefix"
    text = path.exact if path.exact is not None else path.prefix
    meant = meant_path(kind, text) if text is not None else None
    if text is not None and meant:
        message = f"`{shown(text)}` is matched literally, but looks like a pattern"
        hint = f"write `path: {flow({meant.kind: meant.text})}`"
        yield "literal-pattern", (*place, kind), message, hint


def _value(condition: HeaderMatch | QueryParamMatch, place: Path) -> Iterator[Found]:
    meant = meant_value(condition.value) if condition.value is not None else None
    if meant:
        message = f"`{shown(condition.value)}` is matched literally, but looks like a pattern"
        hint = f"write `{flow({'name': condition.name, 'regex': meant})}`"
        yield "literal-pattern", (*place, "value"), message, hint


def _filters(filters: Filters, place: Path) -> Iterator[Found]:
    if filters.redirect and filters.redirect.path:
        yield from _new_path(filters.redirect.path, (*place, "redirect", "path"))
    if filters.rewrite and filters.rewrite.path:
        yield from _new_path(filters.rewrite.path, (*place, "rewrite", "path"))
    for at, name in enumerate(filters.cache.vary if filters.cache else ()):
        if "*" in name:
            message = f"this is only the header with the literal name `{shown(name)}`"
            hint = "list each header; if responses depend on all headers, leave out `cache`"
            yield "literal-pattern", (*place, "cache", "vary", at), message, hint
    for side in ("request_headers", "response_headers"):
        yield from _names(getattr(filters, side), (*place, side))


def _backends(route: Route, place: Path) -> Iterator[Found]:
    for pool, share in (route.split or {}).items():
        own, here = share.filters, (*place, pool, "filters")
        if own and own.rewrite and own.rewrite.path:
            yield from _new_path(own.rewrite.path, (*here, "rewrite", "path"))
        for side in ("request_headers", "response_headers") if own else ():
            yield from _names(getattr(own, side), (*here, side))


def _new_path(path: NewPath, place: Path) -> Iterator[Found]:
    """A new path contains no part of the old one, except what follows a replaced prefix."""
    kind = "full" if path.full is not None else "prefix"
    text = (path.full if path.full is not None else path.prefix) or "/"
    head, _, last = text.rpartition("/")
    is_rest = last in ("*", "**", "$1", "$2", "%7Bpath%7D", "%7Brest%7D", ".*", "(.*)")
    meant = meant_path("exact", text)
    if is_rest and not meant_path("exact", head or "/"):
        hint = f"write `path: {flow({'prefix': head})}`: the rest after the matched prefix is kept"
    elif meant or is_rest:
        hint = "write it without the pattern: only a matched prefix can be replaced, and "
        hint += "the rest is kept"
    else:
        return
    message = f"the path becomes literally `{shown(text)}`"
    yield "literal-pattern", (*place, kind), message, hint


def _names(changes: HeaderChanges | None, place: Path) -> Iterator[Found]:
    for at, name in enumerate(changes.remove if changes else ()):
        if "*" in name:
            message = f"this removes only the header with the literal name `{shown(name)}`"
            yield "literal-pattern", (*place, "remove", at), message, "list each header"
