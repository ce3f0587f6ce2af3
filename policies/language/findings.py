"""What is wrong with a policy, told so that it can be mended.

Every finding has a code (a heading in `docs/diagnostics.md`), the path of the value
in the policy (`routes[2].split.canary`), the line and column where it stands (both
from 1), a message that says what is wrong and a hint that says how to mend it.
A policy with an error is refused whole; a warning is only told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

# What only `router import` says, about manifests.
IMPORT_CODES = {
    "other-kind": "an object is of a kind that is not carried over",
    "not-attached": "a route attaches to no listener, or to one that is not given",
    "not-carried-over": "the router has nothing like it",
    "differs": "it is carried over with a difference",
}

# Every code, with what it means; `docs/diagnostics.md` has a heading for each.
CODES = {
    "yaml-syntax": "the file is not YAML",
    "yaml-encoding": "the file is not UTF-8",
    "yaml-too-large": "the file is larger than 4 MiB, or has too many or too long values",
    "too-much-work": "reading the policy is too much work for an isolate",
    "yaml-too-deep": "values are nested too deeply",
    "yaml-duplicate-key": "a mapping has one key twice",
    "yaml-key-not-text": "a key is not text",
    "yaml-tag": "a tag is not part of the language",
    "yaml-alias-bomb": "aliases blow the file up",
    "yaml-not-a-mapping": "the file's top level is not a mapping",
    "yaml-several-documents": "the file holds several documents",
    "missing-field": "a field that must be there is missing",
    "unknown-field": "there is no such field",
    "unused-field": "a field has no effect where it stands",
    "wrong-type": "a value is of the wrong type",
    "unknown-value": "a value is not one of the allowed ones",
    "out-of-range": "a number is out of range",
    "empty": "something that may not be empty is",
    "one-of": "exactly one of several fields must be given",
    "bad-value": "a value cannot be used",
    "bad-name": "a name has characters that names cannot have",
    "bad-duration": "a duration cannot be read",
    "bad-size": "a size cannot be read",
    "bad-weight": "a weight cannot be read",
    "bad-hostname": "a hostname cannot be read",
    "bad-origin": "an origin cannot be read",
    "bad-path": "a path no request can have",
    "bad-regex": "a regular expression cannot be used",
    "bad-method": "a method cannot be read",
    "bad-header": "a header cannot be sent",
    "bad-region-code": "a country or location code cannot be read",
    "bad-sticky-source": "a source of a sticky key cannot be read",
    "bad-rate": "a rate cannot be read",
    "bad-mode": "a drill's mode cannot be read",
    "bad-schedule": "a schedule cannot be read, or never runs",
    "bad-time": "a time cannot be read",
    "bad-key-hash": "a key's hash cannot be read",
    "plaintext-key": "a key stands in the policy in plain text",
    "reserved-path": "the path belongs to the router itself",
    "unknown-key": "no API key has the id",
    "unknown-pool": "no variant belongs to the pool",
    "unknown-rate-limit": "the rate limit is not defined",
    "unknown-region": "the region is not defined",
    "unknown-route": "no route has the name",
    "unknown-variant": "the variant is not defined",
    "pool-without-variants": "a pool is described but nobody is in it",
    "pool-without-weight": "a pool gets traffic, and all of its variants are drained or weigh 0",
    "pool-without-fallback": "a small share of traffic fails with its pool",
    "own-fallback": "something falls back to itself",
    "region-without-variants": "no variant is in a region",
    "region-overlap": "two regions claim the same clients",
    "strict-without-default": "strict affinity leaves clients without a region",
    "duplicate-route": "two routes have one name, or match the same",
    "unreachable-match": "an alternative of a route gets no request",
    "redirect-does-not-cover": "a route before a redirect to https forwards what comes by http",
    "shadowed-by-host": "routes go before another because they name the host",
    "literal-pattern": "text that looks like a pattern is matched to the letter",
    "route-without-action": "a route neither forwards nor answers",
    "cors-credentials": "pages of every site may send cookies and read the answers",
    "cors-unusable": "no page of another origin could use the route",
    "redirect-loop": "redirects lead round without end",
    "no-prefix": "a prefix is replaced where none is matched",
    "split-without-weight": "all weights of a split are 0",
    "timeout-order": "one attempt may take longer than all together",
    "time-order": "something ends before it begins",
    "duplicate-key": "two keys are the same",
    "key-expires": "a key expires soon, or has expired",
    "no-key-for-route": "no key may use the route",
    "no-key-for-override": "no key has the scope that picks by hand",
    "limit-without-auth": "a limit counts by key where none is asked for",
    "rate-limit-conflict": "keys of one id have different rates",
    "unused-rate-limit": "no route names a rate limit",
    "duplicate-drill": "two drills have one name",
    "drill-without-variants": "a drill is of a region where nobody is",
    "drill-too-long": "a drill is not over when its next run begins",
    "drill-refused": "a drill would leave a route with nothing, so it will be refused",
    "duplicate-rollout": "two rollouts have one name",
    "rollout-overlap": "two rollouts move one route",
    "rollout-pools": "a route does not have the pools of its rollout",
    "rollout-order": "the steps of a rollout are in a wrong order",
    "rollout-starts-lower": "a rollout would move users back when it begins",
    "cohort-without-auth": "a rollout begins with keys where none is asked for",
    "body-not-allowed": "the status has no body",
    "one-value": "a value is added to a header that has only one",
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


def shown(name: object) -> str:
    """Text of the policy as messages repeat it."""
    return str(name)[:80]


def path_text(path: Sequence[str | int]) -> str:
    """`("routes", 2, "split")` as people write it: `routes[2].split`; the whole is `$`.

    However long a key is, its beginning tells where to look.
    """
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{shown(step)}" if text else shown(step)
    return text or "$"
