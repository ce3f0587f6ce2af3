"""Text that is matched or written to the letter, and looks like a pattern; see `check.py`.

A warning each, with the value to write. To mean the text itself, write it as a `regex`, with
a backslash before what is special.
"""

from __future__ import annotations

from collections.abc import Iterator

from policies.language.conditions import HeaderMatch, QueryParamMatch
from policies.language.filters import Filters, HeaderChanges, NewPath
from policies.language.findings import Path, shown
from policies.language.found import Found
from policies.language.model import Match, PathMatch, Policy, Route
from policies.language.patterns import meant_path, meant_value
from policies.language.written import flow

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
        message = f"`{shown(text)}` is matched to the letter, and looks like a pattern"
        hint = f"write `path: {flow({meant.kind: meant.text})}`"
        yield "literal-pattern", (*place, kind), message, hint


def _value(condition: HeaderMatch | QueryParamMatch, place: Path) -> Iterator[Found]:
    meant = meant_value(condition.value) if condition.value is not None else None
    if meant:
        message = f"`{shown(condition.value)}` is matched to the letter, and looks like a pattern"
        hint = f"write `{flow({'name': condition.name, 'regex': meant})}`"
        yield "literal-pattern", (*place, "value"), message, hint


def _filters(filters: Filters, place: Path) -> Iterator[Found]:
    if filters.redirect and filters.redirect.path:
        yield from _new_path(filters.redirect.path, (*place, "redirect", "path"))
    if filters.rewrite and filters.rewrite.path:
        yield from _new_path(filters.rewrite.path, (*place, "rewrite", "path"))
    for at, name in enumerate(filters.cache.vary if filters.cache else ()):
        if "*" in name:
            message = f"only a header called `{shown(name)}` would tell answers apart"
            hint = "name each header; for answers that depend on all of them, leave `cache` out"
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
    """A new path has no parts of the old one, but for what follows a prefix."""
    kind = "full" if path.full is not None else "prefix"
    text = (path.full if path.full is not None else path.prefix) or "/"
    head, _, last = text.rpartition("/")
    is_rest = last in ("*", "**", "$1", "$2", "%7Bpath%7D", "%7Brest%7D", ".*", "(.*)")
    meant = meant_path("exact", text)
    if is_rest and not meant_path("exact", head or "/"):
        hint = f"write `path: {flow({'prefix': head})}`: what follows the matched prefix stays"
    elif meant or is_rest:
        hint = "write it without: only a matched prefix can be replaced, and the rest stays"
    else:
        return
    message = f"`{shown(text)}` is what the path becomes, to the letter"
    yield "literal-pattern", (*place, kind), message, hint


def _names(changes: HeaderChanges | None, place: Path) -> Iterator[Found]:
    for at, name in enumerate(changes.remove if changes else ()):
        if "*" in name:
            message = f"only a header called `{shown(name)}` is removed, to the letter"
            yield "literal-pattern", (*place, "remove", at), message, "name each header"
