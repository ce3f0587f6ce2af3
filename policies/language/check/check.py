"""Checks that concern several values of a policy.

They read the plain document, not the validated model, so that their findings are reported
together with those about single values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice

from policies.basics.steps import Steps
from policies.language.check.cors import doubtful_cors
from policies.language.check.drills import DRILL_RULES, refused_drills
from policies.language.check.filters import FILTER_RULES
from policies.language.check.headers import doubtful_headers
from policies.language.check.keys import KEY_RULES, doubtful_keys
from policies.language.check.patterns import literal_patterns
from policies.language.check.pools import doubtful_pools
from policies.language.check.rate_limits import LIMIT_RULES, unused_limits
from policies.language.check.reach.precedence import overtaken_routes
from policies.language.check.reach.shadow import shadowed_routes
from policies.language.check.redirects import looping_redirects
from policies.language.check.rollouts import ROLLOUT_RULES, doubtful_rollouts
from policies.language.check.routes import ROUTE_RULES
from policies.language.check.upstreams import UPSTREAM_RULES, doubtful_upstreams
from policies.language.findings.findings import Finding, Path, Severity, path_text, shown
from policies.language.findings.found import (
    Found,
    KeyOf,
    Names,
    list_in,
    mapping_in,
    served_pools,
    unknown,
)
from policies.language.model.policy import Policy
from policies.language.yaml.budget import MAX_FINDINGS
from policies.language.yaml.document import Placed

STEP_LOOKS = 2_000  # checks of one rule on one route, in one unit of work
MAX_NEAREST = 20  # findings that suggest a name, since each compares all known names


def check_steps(policy: object) -> Steps[list[Found]]:
    """Return all errors between the parts of a policy."""
    found: list[Found] = []
    number, looks = len(list_in(policy, "routes")), 0
    for rule in _RULES:
        for finding in rule(policy):
            if len(found) > MAX_FINDINGS:
                break
            if finding is None:
                yield 1
            else:
                found.append(finding)
        looks += number
        if looks >= STEP_LOOKS:
            yield looks // STEP_LOOKS
            looks %= STEP_LOOKS
    return found


def warn(policy: Policy, now_ms: float | None) -> list[Found]:
    """Return the warnings: likely mistakes in a valid policy."""
    found = chain(
        shadowed_routes(policy),
        doubtful_pools(policy),
        doubtful_upstreams(policy),
        overtaken_routes(policy),
        literal_patterns(policy),
        doubtful_headers(policy),
        doubtful_keys(policy, now_ms),
        unused_limits(policy),
        refused_drills(policy),
        doubtful_rollouts(policy),
        doubtful_cors(policy),
        looping_redirects(policy),
    )
    return list(islice(found, MAX_FINDINGS + 1))


def placed(document: Placed, found: Iterable[Found], severity: Severity) -> list[Finding]:
    """Return the findings with their places in the document."""
    findings: list[Finding] = []
    for code, path, message, hint in found:
        if isinstance(hint, Names):
            hint = hint.text(len(findings) < MAX_NEAREST)
        at_key = bool(path) and isinstance(path[-1], KeyOf)
        line, column = document.key_place(path) if at_key else document.place(path)
        findings.append(Finding(code, path_text(path), line, column, message, hint, severity))
    return findings


def _variants(policy: object) -> Iterator[Found]:
    regions = set(mapping_in(policy, "regions"))
    pools = mapping_in(policy, "pools").items()
    strict = {name for name, pool in pools if _is_strict(pool)}
    for name, variant in mapping_in(policy, "variants").items():
        path: Path = ("variants", name, "region")
        if not isinstance(variant, dict):
            continue
        yield from unknown("region", variant.get("region"), regions, path)
        if "region" not in variant and str(variant.get("pool")) in strict:
            message = f"`{shown(name)}` has no region, so it never serves: its pool has "
            message += "`affinity: strict`"
            yield (
                "missing-field",
                path,
                message,
                "add `region`, or move the variant to another pool",
            )


def _pools(policy: object) -> Iterator[Found]:
    served = served_pools(policy)
    for name, pool in mapping_in(policy, "pools").items():
        path: Path = ("pools", KeyOf(name))
        if name not in served:
            hint = f"give a variant `pool: {shown(name)}`, or remove the pool"
            yield "pool-without-variants", path, f"no variant is in pool `{shown(name)}`", hint
        for index, fallback in enumerate(list_in(pool, "fallback")):
            here = (*path, "fallback", index)
            yield from unknown("pool", fallback, served, here)
            if fallback == name:
                yield "own-fallback", here, "a pool cannot be its own fallback", "remove it"
        if _is_strict(pool):
            yield from _strict_pool(policy, path)


def _is_strict(pool: object) -> bool:
    return isinstance(pool, dict) and pool.get("affinity") == "strict"


def _strict_pool(policy: object, path: Path) -> Iterator[Found]:
    if isinstance(policy, dict) and not policy.get("default_region"):
        message = "with `affinity: strict`, clients that belong to no region cannot be served"
        hint = "set `default_region` to the region that serves them"
        yield "strict-without-default", (*path, "affinity"), message, hint


def _regions(policy: object) -> Iterator[Found]:
    regions = mapping_in(policy, "regions")
    known = set(regions)
    if isinstance(policy, dict):
        yield from unknown("region", policy.get("default_region"), known, ("default_region",))
    claimed: dict[tuple[str, str], str] = {}
    for name, region in regions.items():
        for index, fallback in enumerate(list_in(region, "fallback")):
            here: Path = ("regions", name, "fallback", index)
            yield from unknown("region", fallback, known, here)
            if fallback == name:
                yield "own-fallback", here, "a region cannot be its own fallback", "remove it"
        for kind in ("continents", "countries", "colos"):
            for index, code in enumerate(list_in(region, kind)):
                if isinstance(code, str) and claimed.setdefault((kind, code), name) != name:
                    first = claimed[kind, code]
                    message = f"`{shown(code)}` belongs to region `{shown(first)}` already"
                    here = ("regions", name, kind, index)
                    yield "region-overlap", here, message, "keep it in one of the two"


# A rule that takes long yields None now and then, after a part of its work.
_RULES: tuple[Callable[[object], Iterator[Found | None]], ...] = (
    _variants,
    _pools,
    _regions,
    *UPSTREAM_RULES,
    *KEY_RULES,
    *LIMIT_RULES,
    *ROUTE_RULES,
    *FILTER_RULES,
    *DRILL_RULES,
    *ROLLOUT_RULES,
)
