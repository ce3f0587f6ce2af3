"""Findings: errors and warnings about a policy.

Every finding has a code (a heading in `docs/diagnostics.md`), the path of the value in the
policy (`routes[2].split.canary`), its line and column (both from 1), a message that says
what is wrong, and a hint that says how to fix it. A policy with an error is refused as a
whole; warnings do not prevent its use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

# Codes that only `router import` reports, about manifests.
IMPORT_CODES = {
    "other-kind": "objects of this kind are not imported",
    "not-attached": "a route attaches to no listener, or to one that is not among the files",
    "not-carried-over": "the router has no equivalent",
    "differs": "the imported form behaves differently",
}

# Every code with its meaning; `docs/diagnostics.md` has a heading for each.
# Of an overlay of an environment (`policies/overlays`).
OVERLAY_CODES = {
    "overlay-leads-nowhere": "an overlay changes an entry that the policy does not have",
    "overlay-name": "an overlay gives one name twice, or renames an entry",
    "overlay-removes-nothing": "an overlay removes what the policy does not have",
}
CODES = {
    "yaml-syntax": "the file is not YAML",
    "yaml-encoding": "the file is not UTF-8",
    "yaml-too-large": "the file is larger than 4 MiB, or has too many or too long values",
    "too-much-work": "reading the policy takes too much work for an isolate",
    "yaml-too-deep": "values are nested too deeply",
    "yaml-duplicate-key": "a mapping has the same key twice",
    "yaml-key-not-text": "a key is not text",
    "yaml-tag": "a tag is not part of the language",
    "yaml-alias-bomb": "aliases expand the file too much",
    "yaml-not-a-mapping": "the file's top level is not a mapping",
    "yaml-several-documents": "the file holds several documents",
    "missing-field": "a required field is missing",
    "unknown-field": "there is no such field",
    "unused-field": "a field has no effect here",
    "wrong-type": "a value is of the wrong type",
    "unknown-value": "a value is not one of the allowed ones",
    "out-of-range": "a number is out of range",
    "empty": "a value must not be empty",
    "one-of": "exactly one of several fields is required",
    "bad-value": "a value is invalid",
    "bad-name": "a name has invalid characters",
    "bad-duration": "a duration is malformed",
    "bad-size": "a size is malformed",
    "bad-weight": "a weight is malformed",
    "bad-hostname": "a hostname is malformed",
    "bad-origin": "an origin is malformed",
    "bad-url": "a variant's URL is malformed",
    "bad-path": "no request can have this path",
    "bad-regex": "a regular expression is invalid",
    "bad-method": "a method is malformed",
    "bad-header": "a header is invalid or cannot be set",
    "bad-region-code": "a country or location code is malformed",
    "bad-sticky-source": "a source of a sticky key is malformed",
    "bad-rate": "a rate is malformed",
    "bad-mode": "a drill's mode is malformed",
    "bad-schedule": "a schedule is malformed, or never runs",
    "bad-time": "a time is malformed",
    "bad-key-hash": "a key's hash is malformed",
    "plaintext-key": "the policy contains a key in plain text",
    "reserved-name": "the name is reserved for the router",
    "reserved-path": "the path is reserved for the router",
    "unknown-key": "no API key has this id",
    "unknown-pool": "no variant belongs to this pool",
    "unknown-rate-limit": "the rate limit is not defined",
    "unknown-region": "the region is not defined",
    "unknown-route": "no route has this name",
    "unknown-variant": "the variant is not defined",
    "pool-without-variants": "a pool is described but has no variants",
    "pool-without-weight": "a pool gets traffic, but all its variants are drained or have weight 0",
    "pool-without-fallback": "a share of traffic fails when its pool fails",
    "private-upstream": "a variant's URL leads into a private network",
    "plaintext-upstream": "a variant's URL is not encrypted",
    "upstream-by-address": "a variant's URL has an address instead of a host name",
    "upstream-loop": "a variant's URL may lead back to the router",
    "host-not-sent": "a variant with a URL does not get the host that a rewrite sets",
    "own-fallback": "a pool or region falls back to itself",
    "region-without-variants": "a region has no variants",
    "region-overlap": "two regions claim the same clients",
    "strict-without-default": "strict affinity leaves clients without a region",
    "duplicate-route": "two routes have the same name or match the same requests",
    "unreachable-match": "no request reaches this alternative of a route",
    "redirect-does-not-cover": "a route before a redirect to https forwards http requests",
    "shadowed-by-host": "routes take precedence over another because they name the host",
    "literal-pattern": "text that looks like a pattern is matched literally",
    "route-without-action": "a route neither forwards nor answers",
    "cors-credentials": "pages of every site may send cookies and read the responses",
    "cors-unusable": "no page of another origin can use the route",
    "redirect-loop": "redirects form a loop",
    "no-prefix": "a prefix is replaced but none is matched",
    "split-without-weight": "all weights of a split are 0",
    "timeout-order": "one attempt may take longer than all attempts together",
    "time-order": "the end is before the start",
    "duplicate-key": "two keys are the same",
    "key-expires": "a key expires soon, or has expired",
    "no-key-for-route": "no key may use the route",
    "no-key-for-override": "no key has the scope for overrides",
    "limit-without-auth": "a limit counts by key on a route without authentication",
    "rate-limit-conflict": "keys with the same id have different rates",
    "unused-rate-limit": "no route uses a rate limit",
    "duplicate-drill": "two drills have the same name",
    "drill-without-variants": "a drill's region has no variants",
    "drill-too-long": "a drill lasts longer than the time to its next run",
    "drill-refused": "a drill would leave a route without variants, so it will be refused",
    "duplicate-rollout": "two rollouts have the same name",
    "rollout-overlap": "two rollouts move the same route",
    "rollout-pools": "a route lacks the pools of its rollout",
    "rollout-order": "the steps of a rollout are in the wrong order",
    "rollout-starts-lower": "the first step of a rollout would move users back",
    "cohort-without-auth": "a cohort by key on a route without authentication",
    "body-not-allowed": "a response with this status has no body",
    "one-value": "a value is added to a header that can have only one",
    **OVERLAY_CODES,
    **IMPORT_CODES,
}

Path = tuple[str | int, ...]
Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    code: str
    path: str
    line: int
    column: int
    message: str
    hint: str
    severity: Severity = "error"

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise ValueError(f"the code {self.code} is not in the table of codes")


@dataclass(frozen=True, slots=True)
class FileFinding(Finding):
    """A finding of a policy that comes from several files; `file`: the one it is about."""

    file: str = ""


def shown(name: object) -> str:
    """Return text of the policy, shortened for messages."""
    return str(name)[:80]


def path_text(path: Sequence[str | int]) -> str:
    """Return `routes[2].split` for `("routes", 2, "split")`, and `$` for the whole policy.

    Long keys are shortened.
    """
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{shown(step)}" if text else shown(step)
    return text or "$"
