"""Loading: every finding, with its code and place; all at once; nothing else ever."""

from __future__ import annotations

from difflib import get_close_matches

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from policies.language.findings.findings import CODES, IMPORT_CODES, OVERLAY_CODES
from policies.language.load import Loaded, load
from policies.language.model import (
    auth,
    conditions,
    drills,
    failover,
    filters,
    health,
    limits,
    rollouts,
)
from policies.language.model import policy as model
from policies.language.model.part import Part
from policies.language.model.policy import Policy
from policies.language.tooling.schema import schema_text
from policies.language.values.written import flow
from policies.language.yaml.budget import MAX_FINDINGS, Budget
from policies.language.yaml.document import Document, read_document
from tests.policies.language.rollout_cases import ROLLOUT_CASES
from tests.policies.making import policy_text
from tests.support.examples import examples

PARTS = sorted(
    {
        each
        for module in (model, auth, conditions, drills, failover, filters, health, limits, rollouts)
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Part) and each is not Part
    },
    key=lambda each: each.__name__,
)

VALID = """\
version: 1
variants:
  prod: {binding: PROD, pool: production, region: eu}
  can: {binding: CAN, pool: canary}
regions:
  eu: {continents: [EU]}
default_region: eu
routes:
  - name: api
    split: {production: 9, canary: 1}
"""


def changed(old: str, new: str) -> str:
    assert old in VALID
    return VALID.replace(old, new)


def route(text: str) -> str:
    """The valid policy with another only route, whose first line is line 9."""
    return VALID[: VALID.index("  - name")] + text


A = "a" * 64


def own_rate(digest: str, limit: int) -> str:
    return f"{{id: a, sha256: {digest}, rate_limits: {{l: {{limit: {limit}/1m}}}}}}"


def limited(limit: str, *keys: str) -> str:
    """A policy with a limit, whose fields are in line 11, and keys from line 14 on."""
    text = route("  - {name: a, split: {canary: 1}, rate_limits: [l]}\n")
    text += f"rate_limits:\n  l: {{{limit}}}\n"
    return text + ("auth:\n  keys:\n" if keys else "") + "".join(f"    - {key}\n" for key in keys)


def drilled(**fields: str) -> str:
    """A policy with a good drill but for these fields; each stands in a line of its own,
    `name` in line 12, what follows in the order here."""
    good = {"name": "d", "pool": "canary", "mode": "down", "for": "10m", "schedule": "0 9 * * *"}
    lines = "".join(f"    {name}: {text}\n" for name, text in (good | fields).items() if text)
    return VALID + "drills:\n  -\n" + lines


def upstream(url: str, **fields: object) -> str:
    """The valid policy, with a variant at `url` in line 5."""
    entry = flow({"url": url, "pool": "production", **fields})
    return VALID.replace("regions:\n", f"  u: {entry}\nregions:\n")


AT_URL = ("variants.u.url", 5, 13)
WORKER = {"worker": "w", "id": "v"}
# code, policy, path, line, column, a part of the hint
HASH = "a1" * 32
OTHER = "b2" * 32
CASES: list[tuple[str, str, str, int, int, str]] = [
    ("missing-field", changed("pool: production, ", ""), "variants.prod.pool", 3, 9, "add"),
    ("one-of", changed("binding: PROD, ", ""), "variants.prod", 3, 9, "`binding`, `url`"),
    ("one-of", upstream("https://a.example", binding="B"), "variants.u", 5, 6, "exactly one"),
    ("unused-field", upstream("https://a.example", version=WORKER), "variants.u", 5, 6, "version"),
    *[
        ("bad-url", upstream(url), "variants.u.url", 5, 13, hint)
        for url, hint in (
            ("a.example", "`https://a.example`"),
            ("https://a.example/b?c=d", "`https://a.example/b`"),
            ("https://a.example/#b", "`https://a.example/`"),
            ("https://user:secret@a.example", "authorization"),
            ("https://a.example/%2F", "change the path"),
            ("https://a.example:0", "https://old.example.com"),
            ("https://a b.example", "https://old.example.com"),
            ("ftp://a.example", "https://old.example.com"),
        )
    ],
    (
        "plaintext-upstream",
        upstream("http://a.example:8080/b"),
        *AT_URL,
        "https://a.example:8080/b",
    ),
    ("upstream-by-address", upstream("https://9.9.9.9"), *AT_URL, "name"),
    ("upstream-by-address", upstream("https://[2606:4700::1111]"), *AT_URL, "name"),
    ("private-upstream", upstream("https://localhost:8443"), *AT_URL, "--allow-private"),
    ("private-upstream", upstream("http://10.0.0.7"), *AT_URL, "--allow-private"),
    ("missing-field", "version: 1\n", "routes", 1, 1, "add `routes`"),
    ("unknown-field", changed("split:", "splt:"), "routes[0].splt", 10, 5, "`split`"),
    ("unknown-field", VALID + "routs: {}\n", "routs", 11, 1, "`routes`"),
    ("wrong-type", changed("name: api", "name: [api]"), "routes[0].name", 9, 11, "`production`"),
    ("wrong-type", VALID + "rollouts: {}\n", "rollouts", 11, 11, "a list"),
    (
        "unknown-field",
        changed("pool: canary", "pool: canary, wait: 5"),
        "variants.can.wait",
        4,
        37,
        "",
    ),
    (
        "unused-field",
        route("  - {name: a, split: {canary: 1}, sticky: [{ip: true, set: true}]}"),
        "routes[0].sticky[0]",
        9,
        44,
        "leave it out",
    ),
    (
        "unused-field",
        route("  - {name: a, respond: {}, sticky: []}"),
        "routes[0].sticky",
        9,
        28,
        "",
    ),
    ("wrong-type", changed("pool: production", "pool: 7"), "variants.prod.pool", 3, 31, "write"),
    ("wrong-type", changed("[EU]", "EU"), "regions.eu.continents", 6, 20, "a list"),
    ("unknown-value", changed("version: 1", "version: 2"), "version", 1, 10, "1"),
    ("unknown-value", changed("version: 1", "version: true"), "version", 1, 10, "1"),
    ("unknown-value", changed("version: 1", "version: 1.0"), "version", 1, 10, "1"),
    ("unknown-value", changed("version: 1", "version: 1e0"), "version", 1, 10, "1"),
    (
        "unknown-value",
        route("  - {name: a, split: {canary: 1}, sticky: [{api_key: 1}]}"),
        "routes[0].sticky[0].api_key",
        9,
        54,
        "true",
    ),
    ("bad-size", VALID + "limits: {url: 16k}\n", "limits.url", 11, 15, "KiB"),
    ("bad-size", VALID + "limits: {body: 10}\n", "limits.body", 11, 16, "10B"),
    (
        "bad-origin",
        route("  - {name: a, split: {canary: 1}, filters: {cors: {allow_origins: [a.b]}}}"),
        "routes[0].filters.cors.allow_origins[0]",
        9,
        68,
        "https://",
    ),
    (
        "no-prefix",
        route(
            "  - {name: a, matches: [{path: {exact: /a}}], "
            "filters: {redirect: {path: {prefix: /b}}}}"
        ),
        "routes[0].filters.redirect.path.prefix",
        9,
        75,
        "`full`",
    ),
    ("bad-weight", changed("canary: 1", "canary: 1e-7"), "routes[0].split.canary", 10, 36, "0.0"),
    (
        "bad-value",
        route('  - {name: a, split: {canary: 1}, seed: "a\\0b"}'),
        "routes[0].seed",
        9,
        41,
        "control",
    ),
    ("unknown-value", changed("[EU]", "[EUR]"), "regions.eu.continents[0]", 6, 21, "'EU'"),
    (
        "out-of-range",
        route("  - {name: a, respond: {status: 99}}"),
        "routes[0].respond.status",
        9,
        33,
        "at least 200",
    ),
    (
        "empty",
        changed("  - name: api\n    split: {production: 9, canary: 1}\n", "  []\n"),
        "routes",
        9,
        3,
        "",
    ),
    ("empty", route("  - {name: a, split: }"), "routes[0].split", 9, 21, "leave out the key"),
    ("empty", changed("version: 1", "version:"), "version", 1, 9, ""),
    (
        "one-of",
        route("  - {name: a, split: {canary: 1}, matches: [{path: {}}]}"),
        "routes[0].matches[0].path",
        9,
        52,
        "exactly one",
    ),
    (
        "bad-value",
        route("  - {name: a, split: {canary: 1}, seed: ''}"),
        "routes[0].seed",
        9,
        41,
        "",
    ),
    ("bad-name", changed("name: api", "name: 'a b'"), "routes[0].name", 9, 11, "letters"),
    ("bad-name", changed("  can:", "  c n:"), "variants.c n", 4, 3, "letters"),
    (
        "bad-name",
        changed("binding: PROD", "binding: POLICIES"),
        "variants.prod.binding",
        3,
        19,
        "reserved",
    ),
    (
        "bad-name",
        changed("binding: PROD", "binding: ROUTER_X"),
        "variants.prod.binding",
        3,
        19,
        "reserved",
    ),
    (
        "bad-duration",
        route("  - {name: a, split: {canary: 1}, timeouts: {request: 10}}"),
        "routes[0].timeouts.request",
        9,
        55,
        "10s",
    ),
    (
        "bad-weight",
        changed("production: 9", "production: 90%"),
        "routes[0].split.production",
        10,
        25,
        "5, not 5%",
    ),
    (
        "bad-weight",
        changed("production: 9", "production: -1"),
        "routes[0].split.production",
        10,
        25,
        "",
    ),
    (
        "bad-hostname",
        route("  - {name: a, split: {canary: 1}, hostnames: ['http://x']}"),
        "routes[0].hostnames[0]",
        9,
        47,
        "scheme",
    ),
    (
        "bad-path",
        route("  - {name: a, split: {canary: 1}, matches: [{path: {prefix: /%2F}}]}"),
        "routes[0].matches[0].path.prefix",
        9,
        61,
        "400",
    ),
    (
        "bad-path",
        route("  - {name: a, split: {canary: 1}, matches: [{path: {prefix: a}}]}"),
        "routes[0].matches[0].path.prefix",
        9,
        61,
        "`/a`",
    ),
    (
        "bad-regex",
        route("  - {name: a, split: {canary: 1}, matches: [{path: {regex: '/('}}]}"),
        "routes[0].matches[0].path.regex",
        9,
        60,
        "",
    ),
    *[
        (
            code,
            route(
                f"  - {{name: a, split: {{canary: 1}}, matches: [{{path: {{regex: '{regex}'}}}}]}}"
            ),
            "routes[0].matches[0].path.regex",
            9,
            60,
            hint,
        )
        for code, regex, hint in (
            ("bad-regex", "/[a-z]+/é", "percent-encode"),
            ("bad-regex", "[a-z]+", "start with"),
            ("bad-regex", "/a b", "percent-encode"),
            ("reserved-path", r"/\.router/.*", "choose another"),
            ("reserved-path", r"/\.router", "choose another"),
        )
    ],
    (
        "bad-method",
        route("  - {name: a, split: {canary: 1}, matches: [{methods: [get]}]}"),
        "routes[0].matches[0].methods[0]",
        9,
        56,
        "GET",
    ),
    (
        "bad-header",
        route('  - {name: a, respond: {headers: [{name: a, value: "a\\nb"}]}}'),
        "routes[0].respond.headers[0].value",
        9,
        52,
        "line breaks",
    ),
    (
        "bad-header",
        route("  - {name: a, respond: {headers: [{name: Connection, value: x}]}}"),
        "routes[0].respond.headers[0].name",
        9,
        42,
        "",
    ),
    *[
        (
            "bad-header",
            route(f"  - {{name: a, split: {{canary: 1}}, override: {name}}}"),
            "routes[0].override",
            9,
            45,
            "x-router-override",
        )
        for name in (
            *("X-API-Key", "authorization", "Cookie", "host", "X-Router-Variant", "x-router-pick"),
            *("content-type", "TE", "X-Forwarded-For", "cf-ray", "x-request-id", "Range"),
            "cloudflare-workers-version-key",
        )
    ],
    (
        "bad-header",
        route("  - {name: a, split: {canary: 1}, override: x-pass}\nauth: {header: X-Pass}"),
        "routes[0].override",
        9,
        45,
        "x-router-override",
    ),
    (
        "bad-name",
        route('  - {name: a, split: {canary: 1}, override: "x try"}'),
        "routes[0].override",
        9,
        45,
        "letters",
    ),
    (
        "unused-field",
        route("  - {name: a, respond: {}, override: x-try}"),
        "routes[0].override",
        9,
        28,
        "leave out",
    ),
    (
        "bad-region-code",
        changed("{continents: [EU]}", "{countries: [de]}"),
        "regions.eu.countries[0]",
        6,
        20,
        "DE",
    ),
    (
        "bad-sticky-source",
        route("  - {name: a, split: {canary: 1}, sticky: [session]}"),
        "routes[0].sticky[0]",
        9,
        44,
        "cookie:",
    ),
    (
        "reserved-path",
        route("  - {name: a, split: {canary: 1}, matches: [{path: {exact: /.router/x}}]}"),
        "routes[0].matches[0].path.exact",
        9,
        60,
        "",
    ),
    (
        "unknown-pool",
        changed("canary: 1", "canery: 1"),
        "routes[0].split.canery",
        10,
        28,
        "`canary`",
    ),
    (
        "unknown-region",
        changed("default_region: eu", "default_region: us"),
        "default_region",
        7,
        17,
        "`eu`",
    ),
    (
        "unknown-region",
        changed("region: eu}", "region: ue}"),
        "variants.prod.region",
        3,
        51,
        "`eu`",
    ),
    ("pool-without-variants", VALID + "pools: {prodution: {}}\n", "pools.prodution", 11, 9, ""),
    (
        "own-fallback",
        VALID + "pools: {canary: {fallback: [canary]}}\n",
        "pools.canary.fallback[0]",
        11,
        29,
        "",
    ),
    (
        "region-overlap",
        changed("{continents: [EU]}", "{continents: [EU]}\n  us: {continents: [EU]}"),
        "regions.us.continents[0]",
        7,
        21,
        "",
    ),
    (
        "strict-without-default",
        changed("default_region: eu\n", "") + "pools: {canary: {affinity: strict}}\n",
        "pools.canary.affinity",
        10,
        28,
        "default_region",
    ),
    (
        "duplicate-route",
        VALID + "  - {name: api, split: {canary: 1}}\n",
        "routes[1].name",
        11,
        12,
        "",
    ),
    ("route-without-action", route("  - {name: a}"), "routes[0]", 9, 5, "`split`"),
    (
        "split-without-weight",
        route("  - {name: a, split: {canary: 0}}"),
        "routes[0].split",
        9,
        22,
        "",
    ),
    (
        "timeout-order",
        route("  - {name: a, split: {canary: 1}, timeouts: {request: 1s, backend_request: 2s}}"),
        "routes[0].timeouts.backend_request",
        9,
        76,
        "at most",
    ),
    (
        "body-not-allowed",
        route("  - {name: a, respond: {status: 204, body: x}}"),
        "routes[0].respond.body",
        9,
        44,
        "",
    ),
    *[
        (code, route(f"  - {{name: a, split: {{canary: 1}}, {text}}}"), path, 9, column, hint)
        for code, text, path, column, hint in (
            ("unused-field", "sticky: [{cookie: c, max_age: 1d}]", "sticky[0]", 44, "set: true"),
            (
                "bad-duration",
                "sticky: [{cookie: c, set: true, max_age: 999ms}]",
                "sticky[0]",
                44,
                "longer",
            ),
            (
                "unused-field",
                "sticky: [{cookie: c, set: true}, {cookie: d, set: true}]",
                "sticky[1].set",
                80,
                "leave it out",
            ),
            (
                "unused-field",
                "failover: {hedge: p95}",
                "failover.hedge",
                53,
                "a variant or a fallback",
            ),
            (
                "timeout-order",
                "timeouts: {backend_request: 101s}",
                "timeouts.backend_request",
                63,
                "at most",
            ),
            (
                "unused-field",
                "matches: [{headers: [{name: a, value: b}, {name: A, value: c}]}]",
                "matches[0].headers[1].name",
                78,
                "keep one",
            ),
            (
                "unused-field",
                "matches: [{query_params: [{name: a, value: b}, {name: a, value: c}]}]",
                "matches[0].query_params[1].name",
                83,
                "keep one",
            ),
        )
        for path in [f"routes[0].{path}"]
    ],
    (
        "bad-path",
        VALID + "    matches: [{path: {prefix: /a//b}}]\nmerge_slashes: true\n",
        "routes[0].matches[0].path.prefix",
        11,
        31,
        "one slash",
    ),
    (
        "missing-field",
        VALID + "pools: {canary: {affinity: strict}}\n",
        "variants.can.region",
        4,
        8,
        "another pool",
    ),
    *[
        (
            "bad-header",
            route(f"  - {{name: a, respond: {{headers: [{{name: {name}, value: x}}]}}}}"),
            "routes[0].respond.headers[0].name",
            9,
            42,
            "leave it out",
        )
        for name in ("X-Request-Id", "x-router-route")
    ],
    *[
        (
            "reserved-name",
            VALID + f"auth: {{keys: [{{id: {name}, sha256: {HASH}}}]}}\n",
            "auth.keys[0].id",
            11,
            20,
            f"write `{name}-client`",
        )
        for name in ("secret", "schedule")
    ],
    (
        "out-of-range",
        route(
            f"  - {{name: a, split: {{canary: 1}}, hostnames: [{'a.b,' * 400}],"
            f" matches: [{'{},' * 300}]}}"
        ),
        "routes[0]",
        9,
        5,
        "wildcard",
    ),
    *[
        (code, VALID + f"auth: {{keys: [{{id: a, {field}}}]}}\n", f"auth.keys[0]{path}", 11, at, "")
        for code, field, path, at in (
            ("bad-time", f"sha256: {HASH}, not_after: 2027-01-31", ".not_after", 108),
            ("bad-time", f"sha256: {HASH}, not_after: 2027-02-30T00:00:00Z", ".not_after", 108),
            ("wrong-type", f"sha256: {HASH}, not_after: 2027", ".not_after", 108),
            ("bad-key-hash", "sha256: my-key", ".sha256", 31),
            ("bad-key-hash", f"sha256: {HASH.upper()}", ".sha256", 31),
            ("bad-key-hash", "sha256: 1", ".sha256", 31),
            ("plaintext-key", "key: my-key", "", 15),
            ("plaintext-key", f"sha256: {HASH}, secret: x", "", 15),
            ("one-of", "scopes: [a]", "", 15),
            ("one-of", f"sha256: {HASH}, hmac_sha256: {HASH}", "", 15),
            ("bad-name", f"sha256: {HASH}, scopes: [a b]", ".scopes[0]", 106),
            ("out-of-range", f"sha256: {HASH}, metadata: {{a: {'x' * 1024}}}", "", 15),
            (
                "time-order",
                f"sha256: {HASH}, not_before: 2027-02-01T00:00:00Z,"
                " not_after: 2027-01-31T00:00:00Z",
                "",
                15,
            ),
        )
    ],
    *[
        (code, VALID + f"    failover: {{{field}}}\n", f"routes[0].failover{path}", 11, at, "")
        for code, field, path, at in (
            ("unknown-value", "on: [reset]", ".on[0]", 21),
            ("unknown-value", "on: [200]", ".on[0]", 21),
            ("unknown-value", "on: [true]", ".on[0]", 21),
            ("bad-value", "budget: 0.2", ".budget", 24),
            ("bad-value", "budget: x%", ".budget", 24),
            ("bad-value", "budget: any", ".budget", 24),
            ("out-of-range", "budget: 101%", ".budget", 24),
            ("out-of-range", "attempts: 11", ".attempts", 26),
            ("bad-size", "buffer: 64", ".buffer", 24),
            ("unused-field", "on: []", "", 15),
            ("bad-duration", "hedge: p99", ".hedge", 23),
            ("bad-duration", "hedge: 100", ".hedge", 23),
            ("out-of-range", "hedge: 0s", ".hedge", 23),
            ("unused-field", "hedge: p95, attempts: 0", "", 15),
        )
    ],
    ("unknown-value", VALID + "    auth: none\n", "routes[0].auth", 11, 11, "required"),
    ("wrong-type", VALID + "    auth: 7\n", "routes[0].auth", 11, 11, ""),
    ("empty", VALID + "auth: {header: []}\n", "auth.header", 11, 16, ""),
    ("yaml-syntax", "routes: [", "$", 1, 10, ""),
    ("yaml-too-large", "#" * (4 * 1024 * 1024 + 1), "$", 1, 1, ""),
    ("yaml-too-deep", "a: " + "[" * 500, "a" + "[0]" * 64, 1, 67, ""),
    ("yaml-duplicate-key", VALID + "version: 1\n", "version", 11, 1, "keep one"),
    ("yaml-key-not-text", VALID + "7: 1\n", "?", 11, 1, "quotes"),
    ("yaml-tag", VALID.replace("version: 1", "version: !v 1"), "version", 1, 10, ""),
    ("yaml-not-a-mapping", "", "$", 1, 1, ""),
    ("yaml-several-documents", VALID + "---\n" + VALID, "$", 11, 1, ""),
    (
        "yaml-alias-bomb",
        "a0: &a0 [x]\n"
        + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 9)),
        "a5[3]",
        6,
        25,
        "",
    ),
    *(
        (code, limited(limit), path, line, column, hint)
        for code, limit, path, line, column, hint in [
            ("bad-rate", "limit: 100 per minute, by: ip", "rate_limits.l.limit", 11, 14, "100/1m"),
            ("bad-rate", "limit: true, by: ip", "rate_limits.l.limit", 11, 14, "100/1m"),
            ("bad-rate", "limit: 0, per: 1m, by: ip", "rate_limits.l.limit", 11, 14, "respond"),
            ("bad-rate", "limit: .inf, per: 1m, by: ip", "rate_limits.l.limit", 11, 14, "100/1m"),
            ("bad-rate", "limit: 1.5, per: 1m, by: ip", "rate_limits.l.limit", 11, 14, "100/1m"),
            ("bad-rate", "limit: 1/100ms, by: ip", "rate_limits.l.limit", 11, 14, "burst"),
            ("bad-rate", "limit: 1, per: 0s, by: ip", "rate_limits.l.per", 11, 22, "burst"),
            ("bad-duration", "limit: 1/1w, by: ip", "rate_limits.l.limit", 11, 14, "10s"),
            ("bad-duration", "limit: 1, per: 60, by: ip", "rate_limits.l.per", 11, 22, "60s"),
            ("missing-field", "limit: 100, by: ip", "rate_limits.l.per", 11, 6, "100/1m"),
            ("missing-field", "limit: 5/1m", "rate_limits.l.by", 11, 6, "add `by`"),
            ("unused-field", "limit: 5/1m, per: 1m, by: ip", "rate_limits.l.per", 11, 20, "leave"),
            ("out-of-range", "limit: 5/1m, burst: 0, by: ip", "rate_limits.l.burst", 11, 27, "1"),
            ("unknown-value", "limit: 5/1m, by: cookie:a", "rate_limits.l.by", 11, 24, "header:"),
            ("unknown-value", "limit: 5/1m, by: 'header:'", "rate_limits.l.by", 11, 24, "header:"),
            ("unknown-value", "limit: 5/1m, by: ip, mode: fuzzy", "rate_limits.l.mode", 11, 34, ""),
            (
                "limit-without-auth",
                "limit: 5/1m, by: api_key",
                "routes[0].rate_limits[0]",
                9,
                49,
                "auth",
            ),
        ]
    ),
    *(
        (code, drilled(**{field: text}), f"drills[0].{field}", line, column, hint)
        for code, field, text, line, column, hint in [
            ("bad-mode", "mode", "none", 15, 11, "errors:30%"),
            ("bad-mode", "mode", "errors:0%", 15, 11, "errors:30%"),
            ("bad-mode", "mode", "errors:101%", 15, 11, "errors:30%"),
            ("bad-mode", "mode", "errors:0.3", 15, 11, "errors:30%"),
            ("bad-mode", "mode", "latency:5m1s", 15, 11, "latency:2s"),
            ("bad-mode", "mode", "latency:2", 15, 11, "latency:2s"),
            ("wrong-type", "mode", "3", 15, 11, "`down`"),
            ("bad-duration", "for", "999ms", 16, 10, "1s to 24h"),
            ("bad-duration", "for", "1d1s", 16, 10, "1s to 24h"),
            ("bad-schedule", "schedule", "0 9 * *", 17, 15, "in UTC"),
            ("bad-schedule", "schedule", "0 9 30 2 *", 17, 15, "in UTC"),
            ("unknown-pool", "pool", "canery", 14, 11, "`canary`"),
        ]
    ),
    ("missing-field", drilled(schedule=""), "drills[0].schedule", 13, 5, "add `schedule`"),
    ("unknown-field", drilled(until="9"), "drills[0].until", 18, 5, "known fields"),
    ("one-of", drilled(region="eu"), "drills[0]", 13, 5, "exactly one of `region`"),
    ("one-of", drilled(pool=""), "drills[0]", 13, 5, "exactly one of `region`"),
    ("unknown-region", drilled(pool="", region="us"), "drills[0].region", 17, 13, "`eu`"),
    ("unknown-variant", drilled(pool="", variant="prd"), "drills[0].variant", 17, 14, "`prod`"),
    (
        "drill-without-variants",
        drilled(pool="", region="eu").replace("pool: production, region: eu", "pool: production"),
        "drills[0].region",
        17,
        13,
        "another",
    ),
    (
        "drill-too-long",
        drilled(schedule="'*/7 * * * *'"),
        "drills[0].for",
        16,
        10,
        "less often",
    ),
    (
        "duplicate-drill",
        drilled() + "  - {name: d, pool: canary, mode: down, for: 1m, schedule: 0 8 * * *}\n",
        "drills[1].name",
        18,
        12,
        "another name",
    ),
    ("out-of-range", VALID + "drills: [" + "{}, " * 101 + "]\n", "drills", 11, 9, "at most 100"),
    (
        "unknown-rate-limit",
        limited("limit: 5/1m, by: ip").replace("[l]", "[l, login]"),
        "routes[0].rate_limits[1]",
        9,
        52,
        "`l`",
    ),
    (  # 14.33
        "no-key-for-route",
        VALID
        + "    auth: {scopes: [agents:red]}\nauth: {keys: [{id: a, "
        + f"sha256: {HASH}, scopes: [agents:read]}}]}}\n",
        "routes[0].auth",
        11,
        11,
        "`agents:read`",
    ),
    (
        "unused-field",
        limited("limit: 5/1m, by: ip").replace("[l]", "[l, l]"),
        "routes[0].rate_limits[1]",
        9,
        52,
        "remove one",
    ),
    (
        "unused-field",
        limited("limit: 5/1m, by: ip", own_rate(A, 9)),
        "auth.keys[0].rate_limits.l",
        14,
        103,
        "by: api_key",
    ),
    (
        "rate-limit-conflict",
        limited(
            "limit: 5/1m, by: api_key",
            own_rate(A, 9),
            own_rate("b" * 64, 8),
        ).replace("split:", "auth: required, split:"),
        "auth.keys[1].rate_limits.l",
        15,
        103,
        "all the same rate",
    ),
]


def refused(loaded: Loaded) -> bool:
    return any(each.severity == "error" for each in loaded.findings)


def test_the_base_of_the_cases_is_valid() -> None:
    loaded = load(VALID.encode())
    assert loaded.policy, loaded.findings
    assert loaded.findings == ()


@pytest.mark.parametrize(
    ("code", "text", "path", "line", "column", "hint"),
    [pytest.param(*case, id=f"{case[0]}-{case[2]}") for case in CASES],
)
def test_finding(code: str, text: str, path: str, line: int, column: int, hint: str) -> None:
    loaded = load(text.encode())
    assert loaded.policy is None
    found = [each for each in loaded.findings if each.code == code]
    told = [(each.path, each.line, each.column) for each in found]
    assert (path, line, column) in told, loaded.findings
    assert hint in found[told.index((path, line, column))].hint


KEY = f"{{id: a, sha256: {HASH}, "
DOUBTFUL: list[tuple[str, str, str]] = [
    ("duplicate-key", f"keys: [{KEY}}}, {KEY}}}]", "auth.keys[1].sha256"),
    ("duplicate-key", f"keys: [{KEY}}}, {{id: b, sha256: {HASH}}}]", "auth.keys[1].sha256"),
    ("duplicate-key", f"keys: [{KEY}}}, {{id: a, sha256: {OTHER}}}]", "auth.keys[1].id"),
    ("key-expires", f"keys: [{KEY} not_after: 2027-01-14T23:59:00Z}}]", "auth.keys[0].not_after"),
    ("key-expires", f"keys: [{KEY} not_after: 2026-01-01T00:00:00Z}}]", "auth.keys[0].not_after"),
    ("no-key-for-route", "keys: []", "routes[0].auth"),
    (
        "no-key-for-route",
        f"keys: [{KEY} scopes: [a], disabled: true}}, {{id: b, sha256: {OTHER}}}]",
        "routes[0].auth",
    ),
    ("no-key-for-override", f"keys: [{KEY} scopes: [router:admin]}}]", "routes[0].override"),
    (
        "no-key-for-override",
        f"keys: [{KEY} scopes: [router:override], disabled: true}}, {{id: b, sha256: {OTHER}}}]",
        "routes[0].override",
    ),
]
NEW_YEAR = 1_798_761_600_000.0  # of 2027


@pytest.mark.parametrize(("code", "auth", "path"), DOUBTFUL)
def test_warning(code: str, auth: str, path: str) -> None:
    needs = "[a]" if code == "no-key-for-route" else "[]"
    override = "    override: x-try\n" if code == "no-key-for-override" else ""
    text = VALID + override + f"    auth: {{scopes: {needs}}}\nauth: {{{auth}}}\n"
    loaded = load(text.encode(), NEW_YEAR)
    assert loaded.policy
    assert [(each.code, each.path, each.severity) for each in loaded.findings] == [
        (code, path, "warning")
    ]


@pytest.mark.parametrize(
    "keys",
    [
        f"{KEY} not_after: 2027-01-15T00:01:00Z}}",
        f"{KEY} not_after: 2027-01-02T00:00:00Z, disabled: true}}, {{id: b, sha256: {OTHER}}}",
        f"{KEY} not_after: 2027-01-02T00:00:00Z}}, {{id: a, sha256: {OTHER}}}",
        f"{KEY} not_after: 2027-01-02T00:00:00Z}}, "
        f"{{id: a, sha256: {OTHER}, not_after: 2027-06-01T00:00:00Z}}",
    ],
)
def test_no_warning_without_need(keys: str) -> None:
    text = VALID + f"    auth: required\nauth: {{keys: [{keys}]}}\n"
    loaded = load(text.encode(), NEW_YEAR)
    assert loaded.policy
    assert loaded.findings == ()
    assert not load(text.replace("2027", "2020").encode()).findings  # no clock, no warning


def test_a_limit_that_no_route_names_is_a_warning() -> None:
    loaded = load(limited("limit: 5/1m, by: ip").replace(", rate_limits: [l]", "").encode())
    assert loaded.policy
    (found,) = loaded.findings
    assert (found.code, found.path, found.line) == ("unused-rate-limit", "rate_limits.l", 11)
    assert found.severity == "warning"


@pytest.mark.parametrize(
    ("limit", "rate"),
    [
        ("limit: 100/1m, by: ip", (100, 60_000, 100)),
        ("limit: 1e3, per: 1h, burst: 50, by: ip", (1_000, 3_600_000, 50)),
        ("limit: 5/1m30s, burst: 9, by: 'header:X-Tenant'", (5, 90_000, 9)),
    ],
)
def test_rates(limit: str, rate: tuple[int, int, int]) -> None:
    policy = load(limited(limit).encode()).policy
    assert policy
    assert policy.rate_limits["l"].rate == rate


def test_what_stands_for_a_hash_is_never_repeated() -> None:
    for field in ("sha256", "hmac_sha256", "key", "secret", "token"):
        loaded = load((VALID + f"auth: {{keys: [{{id: a, {field}: s3cret-k3y}}]}}\n").encode())
        assert loaded.findings
        assert "s3cret" not in repr(loaded.findings)


def test_every_code_has_a_case() -> None:
    doubtful = {case[0] for case in DOUBTFUL}
    doubtful |= {"yaml-encoding", "unused-rate-limit", "drill-refused", "rollout-starts-lower"}
    doubtful |= {"unreachable-match", "region-without-variants"}  # in test_lint.py
    doubtful |= {"pool-without-weight", "pool-without-fallback", "one-value"}
    doubtful |= {"redirect-does-not-cover", "shadowed-by-host"}  # in test_precedence.py
    doubtful |= {"literal-pattern"}  # in test_hints.py
    doubtful |= {"cors-credentials", "cors-unusable", "redirect-loop"}
    doubtful |= {"too-much-work"}  # in test_work.py
    doubtful |= {"upstream-loop", "host-not-sent"}  # in check/test_upstreams.py
    assert {case[0] for case in CASES + ROLLOUT_CASES} | doubtful == (
        set(CODES) - set(IMPORT_CODES) - set(OVERLAY_CODES)
    )
    assert [each.code for each in load(b"a: \xff").findings] == ["yaml-encoding"]


def test_all_findings_at_once() -> None:
    text = VALID.replace("canary: 1", "canery: x").replace("name: api", "nane: api")
    text = text.replace("region: eu}", "region: mars, wheight: 2}")
    codes = [each.code for each in load(text.encode()).findings]
    assert codes == [
        "unknown-region",
        "unknown-field",
        "missing-field",
        "unknown-field",
        "unknown-pool",
        "bad-weight",
    ]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_no_field_may_be_empty(part: type[Part]) -> None:
    names = [field.alias or name for name, field in part.model_fields.items()]
    with pytest.raises(ValidationError) as caught:
        part.model_validate(dict.fromkeys(names))
    errors = caught.value.errors()
    assert [(each["type"], each["loc"]) for each in errors] == [("empty", (n,)) for n in names]


def test_empty_values_are_told_once_each_with_the_other_findings() -> None:
    text = route(
        "  - {name: a, split: , respond: , matches: [{path: {exact: }, methods: }]}\n"
        "  - {name: b, respond: , sticky: [], matches: , wheight: 1}"
    )
    found = [(each.code, each.path) for each in load(text.encode()).findings]
    assert found == [
        ("empty", "routes[0].split"),
        ("empty", "routes[0].respond"),
        ("empty", "routes[0].matches[0].path.exact"),
        ("empty", "routes[0].matches[0].methods"),
        ("empty", "routes[1].respond"),
        ("empty", "routes[1].matches"),
        ("unknown-field", "routes[1].wheight"),
    ]


def test_the_schema_knows_no_null() -> None:
    assert "null" not in schema_text()


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (VALID + '"[key]": 1\n', "[key]"),
        (changed("pool: canary", 'pool: canary, "[key]": 5'), "variants.can.[key]"),
        (changed("  can:", "  '[key]':"), "variants.[key]"),
        (changed("canary: 1}", '"[key]": 1}'), "routes[0].split.[key]"),
        (changed("eu: {continents: [EU]}", '"[key]": 1'), "regions.[key]"),
    ],
)
def test_a_key_called_like_pydantics_mark_for_keys(text: str, path: str) -> None:
    assert path in [each.path for each in load(text.encode()).findings]


HUGE = {
    "items": route(f"  [{'1,' * 20_000}1]"),
    "fields": VALID + "\n".join(f"? {'k' * 2_000}{n}\n: 1" for n in range(1_000)),
    "long key": f"? {'k' * 60_000}\n: {{{','.join(f'a{n}: 1' for n in range(2_000))}}}\n" + VALID,
    "values": route(f"  - {{name: a, split: {{canary: 1}}, hostnames: [{'1,' * 3_000}]}}\n" * 8),
    "few values": route(f"  - {{name: a, hostnames: [{'1,' * 1_000}]}}\n" * 16),
    "keys": VALID.replace(
        "variants:", "variants:\n" + "".join(f"  _{n}: {{}}\n" for n in range(9_000))
    ),
    "pools": "version: 1\nvariants:\n"
    + "".join(f"  a{n}: {{binding: A, pool: {'p' * 60}{n}}}\n" for n in range(1_500))
    + "routes:\n"
    + "".join(f"  - {{name: a{n}, split: {{{'q' * 60}{n}: 1}}}}\n" for n in range(1_500)),
    "regions": "version: 1\nvariants:\n"
    + "".join(f"  a{n}: {{binding: A, pool: p, region: {'r' * 9_000}{n}}}\n" for n in range(100))
    + "regions:\n"
    + "".join(f"  ? {'r' * 9_000}x{n}\n  : {{}}\n" for n in range(100))
    + "routes: [{name: a, split: {p: 1}}]\n",
}


@pytest.mark.parametrize("text", HUGE.values(), ids=HUGE)
def test_findings_are_few_and_short(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []

    def counted(name: str, known: list[str], n: int) -> list[str]:
        compared.append(len(known))
        assert max(map(len, [name, *known])) <= 80
        return get_close_matches(name, known, n)

    monkeypatch.setattr("policies.language.findings.found.get_close_matches", counted)
    findings = load(text.encode()).findings
    assert 0 < len(findings) <= MAX_FINDINGS
    assert sum(compared) <= 2_000
    assert all(len(f"{each.path}{each.message}{each.hint}") < 4_000 for each in findings)


@pytest.mark.parametrize("text", HUGE.values(), ids=HUGE)
def test_validation_ends_when_enough_is_wrong(text: str) -> None:
    document = read_document(text.encode())
    assert isinstance(document, Document)
    with pytest.raises(ValidationError) as caught:
        Policy.model_validate({**document.value, "version": None}, context=Budget())
    assert caught.value.error_count() <= 5_000


def test_what_is_not_told_is_hinted_at() -> None:
    findings = load(HUGE["items"].encode()).findings
    assert len(findings) == MAX_FINDINGS
    assert "more" in findings[-1].message
    assert not any("more" in each.message for each in findings[:-1])


def test_all_regular_expressions_share_one_budget() -> None:
    matches = [{"path": {"regex": f"/{n:04}[a-z]{{195}}"}} for n in range(250)]
    route = {"name": "r", "split": {"canary": 1}, "matches": matches}
    findings = load(policy_text(routes=[route])).findings
    assert [each.code for each in findings] == ["bad-regex"] * (len(findings))
    assert len(findings) == 250 - 50_000 // 202
    assert "together" in findings[0].message


SAME = [
    ("", "", True),
    ("hostnames: [a.b], ", "hostnames: [A.b, a.b], ", True),
    ("hostnames: [a.b, c.d], ", "hostnames: [c.d], ", True),
    ("hostnames: [a.b], ", "hostnames: [c.d, a.b], ", False),
    ("hostnames: [a.b], ", "", False),
    ("matches: [{path: {prefix: /a}}], ", "matches: [{path: {prefix: /a/}}], ", True),
    ("matches: [{path: {prefix: /a}}], ", "matches: [{path: {exact: /a}}], ", False),
    ("matches: [{methods: [A, B]}, {}], ", "matches: [{methods: [B, A]}], ", True),
    (
        "matches: [{headers: [{name: a, value: b}, {name: c, regex: d}]}], ",
        "matches: [{headers: [{name: C, regex: d}, {name: a, value: b}]}], ",
        True,
    ),
    (
        "matches: [{headers: [{name: a, value: b}]}], ",
        "matches: [{headers: [{name: a, regex: b}]}], ",
        False,
    ),
]


@pytest.mark.parametrize(("first", "second", "same"), SAME)
def test_a_shadowed_route_is_a_warning(first: str, second: str, same: bool) -> None:
    text = route(
        f"  - {{{first}name: a, split: {{canary: 1}}}}\n"
        f"  - {{{second}name: b, split: {{canary: 1}}}}\n"
    )
    loaded = load(text.encode())
    assert loaded.policy
    told = [(each.code, each.path, each.line, each.severity) for each in loaded.findings]
    assert told == [("duplicate-route", "routes[1].name", 10, "warning")] * same


def test_findings_stand_in_the_order_of_the_file() -> None:
    text = VALID.replace("pool:", "pol:").replace("split:", "splt:")
    places = [(each.line, each.column) for each in load(text.encode()).findings]
    assert places == sorted(places)
    assert len(places) >= 4


@examples(300)
@given(st.binary(max_size=400))
def test_any_bytes_give_findings(data: bytes) -> None:
    assert load(data).findings


SCRAPS = st.sampled_from(
    [
        *"{}[],:&*!|>'\"%@`#-? \n\t",
        "null",
        "1e3",
        "- ",
        ": ",
        "split",
        "routes",
        "\x00",
        "é",
        "&a",
        "*a",
        "eu",
    ]
)


@examples(500)
@given(st.integers(0, len(VALID)), st.integers(0, 8), st.lists(SCRAPS, max_size=4))
def test_a_damaged_policy_gives_findings_or_a_policy(at: int, cut: int, scraps: list[str]) -> None:
    text = VALID[:at] + "".join(scraps) + VALID[at + cut :]
    loaded = load(text.encode())
    assert (loaded.policy is None) == refused(loaded)
    lines = text.count("\n") + 1
    assert all(1 <= each.line <= lines + 1 and each.column >= 1 for each in loaded.findings)


KEYS = st.one_of(st.text(max_size=5), st.sampled_from(["[key]", "name", "binding", "split"]))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=6,
)
FIELDS = ["variants", "pools", "regions", "default_region", "routes", "version", "merge_slashes"]


def test_a_route_whose_name_is_no_text_is_a_finding() -> None:
    data = VALID.replace("name: api", "name: [api]").encode()
    assert [each.code for each in load(data).findings] == ["wrong-type"]


@examples(300)
@given(st.sampled_from(FIELDS), VALUES, st.sampled_from(["", "x", "0", "[key]"]))
def test_any_value_in_any_section_gives_findings_or_a_policy(
    name: str, value: object, inner: str
) -> None:
    import json

    nested = {inner: value} if inner else value
    text = policy_text(**{"routes": [{"name": "r", "split": {"canary": 1}}], name: nested})
    loaded = load(text)
    assert (loaded.policy is None) == refused(loaded), json.loads(text)
