"""What concerns several values of a policy at once.

Reads the plain document, not the validated model, so that these findings come together
with those about single values; whatever has the wrong shape is passed over here, since
the model reports it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain, islice
from typing import Any

from pydantic_core import PydanticCustomError

from policies.language.budget import MAX_FINDINGS
from policies.language.document import Document
from policies.language.findings import Finding, Path, path_text, shown
from policies.language.values import read_duration

MAX_NEAREST = 20  # findings that suggest a name, which takes a look at every known one
MAX_COMPARED = 100  # known names


class Key(str):
    """The last step of a path whose finding is about the key, not about its value."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Names:
    """A hint that is made only if the finding is told: what could have been meant."""

    kind: str
    name: str
    known: set[str]

    def text(self, compare: bool) -> str:
        if not self.known:
            return f"the policy has no {self.kind}s"
        names = sorted(map(shown, self.known))
        compare = compare and len(names) <= MAX_COMPARED
        nearest = get_close_matches(shown(self.name), names, n=1) if compare else []
        if nearest:
            return f"did you mean `{nearest[0]}`?"
        return f"known {self.kind}s: " + ", ".join(f"`{each}`" for each in names[:20])


Found = tuple[str, Path, str, str | Names]  # code, path, message, hint


def check(document: Document) -> list[Finding]:
    """All findings about how the policy's parts fit together."""
    findings: list[Finding] = []
    found = chain.from_iterable(rule(document.value) for rule in _RULES)
    for code, path, message, hint in islice(found, MAX_FINDINGS + 1):
        if isinstance(hint, Names):
            hint = hint.text(len(findings) < MAX_NEAREST)
        at_key = isinstance(path[-1], Key)
        line, column = document.key_place(path) if at_key else document.place(path)
        findings.append(Finding(code, path_text(path), line, column, message, hint))
    return findings


def _mapping(parent: object, name: str) -> dict[str, Any]:
    value = parent.get(name) if isinstance(parent, dict) else None
    return value if isinstance(value, dict) else {}


def _list(parent: object, name: str) -> list[Any]:
    value = parent.get(name) if isinstance(parent, dict) else None
    return value if isinstance(value, list) else []


def _routes(policy: object) -> Iterator[tuple[int, dict[str, Any]]]:
    for index, route in enumerate(_list(policy, "routes")):
        if isinstance(route, dict):
            yield index, route


def _pools_with_variants(policy: object) -> set[str]:
    variants = _mapping(policy, "variants").values()
    pools = [variant.get("pool") for variant in variants if isinstance(variant, dict)]
    return {pool for pool in pools if isinstance(pool, str)}


def _unknown(kind: str, name: object, known: set[str], path: Path) -> Iterator[Found]:
    """A finding if `name` is text that is not among `known`."""
    if not isinstance(name, str) or name in known:
        return
    message = f"there is no {kind} `{shown(name)}`"
    yield f"unknown-{kind}", path, message, Names(kind, name, known)


def _variants(policy: object) -> Iterator[Found]:
    regions = set(_mapping(policy, "regions"))
    for name, variant in _mapping(policy, "variants").items():
        region = variant.get("region") if isinstance(variant, dict) else None
        yield from _unknown("region", region, regions, ("variants", name, "region"))


def _pools(policy: object) -> Iterator[Found]:
    served = _pools_with_variants(policy)
    for name, pool in _mapping(policy, "pools").items():
        path: Path = ("pools", Key(name))
        if name not in served:
            hint = f"give a variant `pool: {shown(name)}`, or take the pool out"
            yield "pool-without-variants", path, f"no variant is in pool `{shown(name)}`", hint
        for index, fallback in enumerate(_list(pool, "fallback")):
            here = (*path, "fallback", index)
            yield from _unknown("pool", fallback, served, here)
            if fallback == name:
                yield "own-fallback", here, "a pool cannot be its own fallback", "take it out"
        if isinstance(pool, dict) and pool.get("affinity") == "strict":
            yield from _strict_pool(policy, path)


def _strict_pool(policy: object, path: Path) -> Iterator[Found]:
    if isinstance(policy, dict) and not policy.get("default_region"):
        message = "clients that no region claims could not be served with `affinity: strict`"
        hint = "say with `default_region` where they belong"
        yield "strict-without-default", (*path, "affinity"), message, hint


def _regions(policy: object) -> Iterator[Found]:
    regions = _mapping(policy, "regions")
    if isinstance(policy, dict):
        default = policy.get("default_region")
        yield from _unknown("region", default, set(regions), ("default_region",))
    claimed: dict[tuple[str, str], str] = {}
    for name, region in regions.items():
        for index, fallback in enumerate(_list(region, "fallback")):
            here: Path = ("regions", name, "fallback", index)
            yield from _unknown("region", fallback, set(regions), here)
            if fallback == name:
                yield "own-fallback", here, "a region cannot be its own fallback", "take it out"
        for kind in ("continents", "countries", "colos"):
            for index, code in enumerate(_list(region, kind)):
                if isinstance(code, str) and claimed.setdefault((kind, code), name) != name:
                    first = claimed[kind, code]
                    message = f"`{shown(code)}` belongs to region `{shown(first)}` already"
                    here = ("regions", name, kind, index)
                    yield "region-overlap", here, message, "leave it in one of the two"


def _route_names(policy: object) -> Iterator[Found]:
    seen: dict[str, int] = {}
    for index, route in _routes(policy):
        name = route.get("name")
        if isinstance(name, str) and seen.setdefault(name, index) != index:
            message = f"routes[{seen[name]}] is called `{shown(name)}` already"
            yield "duplicate-route", ("routes", index, "name"), message, "give it another name"


def _route_actions(policy: object) -> Iterator[Found]:
    for index, route in _routes(policy):
        path: Path = ("routes", index)
        if "respond" not in route and "split" not in route:
            hint = "add `split` (pool: weight) to forward, or `respond` to answer at the edge"
            yield "route-without-action", path, "the route says neither where nor what", hint
        if route.get("respond") is not None:
            for name in ("split", "sticky", "seed", "timeouts"):
                if name in route:
                    message = f"`{name}` has no effect on a route that answers with `respond`"
                    hint = f"leave out `{name}` or `respond`"
                    yield "unused-field", (*path, Key(name)), message, hint


def _splits(policy: object) -> Iterator[Found]:
    served = _pools_with_variants(policy)
    for index, route in _routes(policy):
        split = _mapping(route, "split")
        path: Path = ("routes", index, "split")
        for pool in split:
            yield from _unknown("pool", pool, served, (*path, Key(pool)))
        weights = list(split.values())
        if "split" in route and isinstance(route["split"], dict) and not any(weights):
            hint = "give at least one pool a weight above 0"
            yield "split-without-weight", path, "no pool of the split gets any request", hint


def _timeouts(policy: object) -> Iterator[Found]:
    for index, route in _routes(policy):
        timeouts = _mapping(route, "timeouts")
        try:
            whole = read_duration(timeouts.get("request"))
            each = read_duration(timeouts.get("backend_request"))
        except PydanticCustomError:
            continue
        if whole and each > whole:
            path: Path = ("routes", index, "timeouts", "backend_request")
            message = "one attempt may take longer than all attempts together (`request`)"
            yield "timeout-order", path, message, "make it at most `request`"


def _responds(policy: object) -> Iterator[Found]:
    for index, route in _routes(policy):
        respond = _mapping(route, "respond")
        if respond.get("status") in (204, 205, 304) and respond.get("body"):
            path: Path = ("routes", index, "respond", "body")
            message = f"an answer with status {respond['status']} has no body (RFC 9110)"
            yield "body-not-allowed", path, message, "leave out `body`, or use another status"
        for at, header in enumerate(_list(respond, "headers")):
            name = header.get("name") if isinstance(header, dict) else None
            if isinstance(name, str) and name.lower() in _FRAMING:
                path = ("routes", index, "respond", "headers", at, "name")
                message = f"`{name}` is set by the runtime"
                yield "bad-header", path, message, "leave it out"


# What belongs to the connection, not to the answer (RFC 9110, section 7.6.1).
_FRAMING = {"connection", "content-length", "keep-alive", "te", "trailer", "transfer-encoding"}

_RULES: tuple[Callable[[object], Iterator[Found]], ...] = (
    _variants,
    _pools,
    _regions,
    _route_names,
    _route_actions,
    _splits,
    _timeouts,
    _responds,
)
