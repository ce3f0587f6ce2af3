"""Suppresses findings that only follow from another one.

Checks of several values read the plain document, so a malformed value or a misspelt field
causes findings elsewhere: with `pol: production`, a split has an unknown pool. Only the cause
is reported; if something is left after its fix, the next check reports it. A route without an
action that has an unknown field gets both findings, at the unknown field.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from policies.language.findings.findings import Path
from policies.language.findings.found import Found, KeyOf

_ANY = object()  # any step of a path
_SAME = object()  # the same step as in the path of the finding
Pattern = tuple[object, ...]

_VARIANTS: tuple[Pattern, ...] = (("variants",), ("variants", _ANY))
_KEYS: tuple[Pattern, ...] = (("auth",), ("auth", "keys"), ("auth", "keys", _ANY))
_ROUTES: tuple[Pattern, ...] = (("routes",), ("routes", _ANY), ("routes", _ANY, "name"))
_POOLS: tuple[Pattern, ...] = (*_VARIANTS, ("variants", _ANY, "pool"))
_SPLITS: tuple[Pattern, ...] = (*_ROUTES, ("routes", _ANY, "split"))

# For each code, the places whose errors can cause such a finding.
_CAUSES: dict[str, tuple[Pattern, ...]] = {
    "unknown-pool": _POOLS,
    "pool-without-variants": _POOLS,
    "unknown-variant": _VARIANTS,
    "drill-without-variants": (*_VARIANTS, ("variants", _ANY, "region")),
    "unknown-region": (("regions",),),
    "unknown-rate-limit": (("rate_limits",),),
    "unknown-key": (*_KEYS, ("auth", "keys", _ANY, "id")),
    "no-key-for-route": (
        *_KEYS,
        ("auth", "keys", _ANY, "scopes"),
        ("auth", "keys", _ANY, "scopes", _ANY),
    ),
    "unknown-route": _ROUTES,
    "rollout-pools": _SPLITS,
    "rollout-overlap": _ROUTES,
    "cohort-without-auth": _ROUTES,
    "no-prefix": (
        ("routes", _SAME, "matches"),
        ("routes", _SAME, "matches", _ANY),
        ("routes", _SAME, "matches", _ANY, "path"),
        ("routes", _SAME, "matches", _ANY, "path", _ANY),
    ),
}
# For each code, the places whose unknown fields are certainly the missing ones.
_MISSPELT: dict[str, tuple[Pattern, ...]] = {"rollout-pools": (("routes", _ANY, _ANY),)}
# Places whose unknown fields may be the missing ones: reported there, after the unknown field.
_PERHAPS: dict[str, tuple[Pattern, ...]] = {
    "route-without-action": (("routes", _SAME, _ANY), ("routes", _SAME, "filters", _ANY)),
}


def without_consequences(errors: list[Found], together: Iterable[Found]) -> Iterator[Found]:
    """Yield the findings of `together` that do not follow from `errors` in single values or
    from duplicate names."""
    together = list(together)
    doubles = [finding for finding in together if finding[0].startswith("duplicate-")]
    places = {path for _, path, _, _ in errors + doubles}
    misspelt = {path for code, path, _, _ in errors if code == "unknown-field"}
    for found in together:
        code, path, message, hint = found
        causes = [(pattern, places) for pattern in _CAUSES.get(code, ())]
        causes += [(pattern, misspelt) for pattern in _MISSPELT.get(code, ())]
        if code == "unused-field" and path in places:
            continue  # the effect of a malformed field is unknown
        if not any(_is_at(pattern, path, wrong) for pattern, wrong in causes):
            field = _first_at(_PERHAPS.get(code, ()), path, misspelt)
            yield (code, (*field[:-1], KeyOf(field[-1])), message, hint) if field else found


def comes_last(code: str) -> bool:
    """Return whether findings with this code come after others of the same place."""
    return code in _PERHAPS


def _first_at(patterns: tuple[Pattern, ...], path: Path, places: set[Path]) -> Path | None:
    found = (
        place
        for pattern in patterns
        for place in sorted(places, key=str)
        if len(place) == len(pattern) and _fits(pattern, path, place)
    )
    return next(found, None)


def _is_at(pattern: Pattern, path: Path, places: set[Path]) -> bool:
    return any(len(place) == len(pattern) and _fits(pattern, path, place) for place in places)


def _fits(pattern: Pattern, path: Path, place: Path) -> bool:
    return all(
        wanted is _ANY or step == (path[at] if wanted is _SAME else wanted)
        for at, (wanted, step) in enumerate(zip(pattern, place, strict=True))
    )
