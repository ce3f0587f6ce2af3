"""Policies with rollouts, and what is found in those that are wrong."""

from __future__ import annotations

BASE = """\
version: 1
variants:
  prod: {binding: PROD, pool: production}
  canary: {binding: CANARY, pool: canary}
auth: {keys: [{id: ann, sha256: HASH}]}
routes:
  - {name: api, split: {production: 9, canary: 0}}
  - {name: web, hostnames: [web.test], split: {production: 1, canary: 0}, auth: required}
rollouts:
  - name: v2
    routes: [api]
    from: production
    to: canary
    steps: [{weight: 5}, {weight: 50}]
    analysis: {}
""".replace("HASH", "a1" * 32)


def base(*changes: tuple[str, str], more: str = "") -> str:
    text = BASE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text + more


def steps(text: str) -> tuple[str, str]:
    return "steps: [{weight: 5}, {weight: 50}]", f"steps: [{text}]"


def analysis(text: str) -> tuple[str, str]:
    return "analysis: {}", f"analysis: {{{text}}}"


BETA = "variants:"
WITH_BETA = "variants:\n  beta: {binding: BETA, pool: beta}"
SECOND = "  - {name: v2, routes: [web], from: production, to: canary, steps: [{weight: 5}], "
SECOND += "analysis: {}}\n"

# code, policy, path, line, column, a part of the hint
ROLLOUT_CASES: list[tuple[str, str, str, int, int, str]] = [
    ("duplicate-rollout", base(more=SECOND), "rollouts[1].name", 16, 12, "another name"),
    (
        "rollout-overlap",
        base(more=SECOND.replace("v2", "v3").replace("web", "api")),
        *("rollouts[1].routes[0]", 16, 25, "keep it in one"),
    ),
    ("unknown-route", base(("[api]", "[apy]")), "rollouts[0].routes[0]", 11, 14, "`api`"),
    ("unknown-pool", base(("to: canary", "to: canery")), "rollouts[0].to", 13, 9, "`canary`"),
    (
        "rollout-pools",
        base(("9, canary: 0", "9")),
        *("rollouts[0].routes[0]", 11, 14, "add `canary: 0`"),
    ),
    (
        "rollout-pools",
        base(("production: 9, canary: 0", "production: 0, canary: 0, beta: 1"), (BETA, WITH_BETA)),
        *("rollouts[0].routes[0]", 12, 14, "give one of them"),
    ),
    ("bad-value", base(("to: canary", "to: production")), "rollouts[0]", 10, 5, "two pools"),
    ("rollout-order", base(steps("{weight: 50}, {weight: 5}")), "rollouts[0]", 10, 5, "grow"),
    ("rollout-order", base(steps("{weight: 5}, {weight: 5}")), "rollouts[0]", 10, 5, "grow"),
    ("rollout-order", base(steps("{mirror: 5%}")), "rollouts[0]", 10, 5, "`weight: 5`"),
    (
        "rollout-order",
        base(steps("{weight: 5}, {mirror: 5%}")),
        *("rollouts[0]", 10, 5, "`mirror` first"),
    ),
    (
        "missing-field",
        base(("    analysis: {}\n", "")),
        *("rollouts[0]", 10, 5, "add `hold`, `pause: true` or `analysis`"),
    ),
    (
        "one-of",
        base(steps("{weight: 5, mirror: 5%}")),
        *("rollouts[0].steps[0]", 14, 13, "exactly one of `weight`"),
    ),
    ("one-of", base(steps("{hold: 5m}")), "rollouts[0].steps[0]", 14, 13, "exactly one"),
    (
        "bad-weight",
        base(steps("{weight: 101}")),
        *("rollouts[0].steps[0].weight", 14, 22, "to 100"),
    ),
    ("bad-weight", base(steps("{weight: 0}")), "rollouts[0].steps[0].weight", 14, 22, "0.001"),
    ("bad-weight", base(steps("{weight: [5]}")), "rollouts[0].steps[0].weight", 14, 22, "5 %"),
    (
        "out-of-range",
        base(steps("{weight: 101%}")),
        *("rollouts[0].steps[0].weight", 14, 22, "or less"),
    ),
    ("out-of-range", base(steps("{mirror: 0%}")), "rollouts[0].steps[0].mirror", 14, 22, "`1%`"),
    (
        "cohort-without-auth",
        base(steps("{key: [ann]}, {weight: 5}")),
        *("rollouts[0].steps[0].key", 14, 14, "add `auth` to the route"),
    ),
    (
        "unknown-key",
        base(("[api]", "[web]"), steps("{key: [anna]}, {weight: 5}")),
        *("rollouts[0].steps[0].key[0]", 14, 20, "`ann`"),
    ),
    (
        "bad-regex",
        base(steps("{header: {name: a, regex: '('}}, {weight: 5}")),
        *("rollouts[0].steps[0].header.regex", 14, 39, ""),
    ),
    (
        "bad-duration",
        base(analysis("interval: 4s")),
        *("rollouts[0].analysis.interval", 15, 26, "5s to 24h"),
    ),
    (
        "bad-duration",
        base(more="    schedule: [{start: 0 9 * * *, for: 59s}]\n"),
        *("rollouts[0].schedule[0].for", 16, 40, "1m to 168h"),
    ),
    (
        "bad-schedule",
        base(more="    schedule: [{start: 0 9 * *, for: 1h}]\n"),
        *("rollouts[0].schedule[0].start", 16, 24, "in UTC"),
    ),
    (
        "bad-value",
        base(analysis("checks: [{name: a, binding: A, path: /}, {name: a, binding: A, path: /}]")),
        *("rollouts[0].analysis", 15, 15, "another name"),
    ),
    (
        "unknown-field",
        base(analysis("max_eror_rate: 1%")),
        *("rollouts[0].analysis.max_eror_rate", 15, 16, "`max_error_rate`"),
    ),
    (
        "out-of-range",
        base(steps("{header: {name: a, value: " + "x" * 1_025 + "}}, {weight: 5}")),
        *("rollouts[0].steps[0]", 14, 13, "shorter"),
    ),
    (
        "out-of-range",
        base(("[api]", "[" + ", ".join(["api"] * 101) + "]")),
        *("rollouts[0].routes", 11, 13, "at most 100"),
    ),
    (
        "unknown-value",
        base(more="    on_failure: stop\n"),
        *("rollouts[0].on_failure", 16, 17, "'rollback' or 'hold'"),
    ),
]
