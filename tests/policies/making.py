"""Small policies and requests for tests."""

from __future__ import annotations

import json
from typing import Any

from policies.compiled.policy import CompiledPolicy
from policies.compiled.tables import form_text, tables_from
from policies.http.request import Client, Request
from policies.http.url import RequestTarget, parse_target
from policies.language.compile.compile import compile_policy
from policies.language.load import load
from policies.proxy.decide import Surroundings

NOW = Surroundings(1_800_000_000_000.0)  # January 2027
POOLS = ("production", "canary", "beta")


def policy_text(**sections: Any) -> bytes:
    """A policy as YAML (JSON is YAML), with one variant a pool unless given."""
    variants = {pool: {"binding": pool.upper(), "pool": pool} for pool in POOLS}
    return json.dumps({"version": 1, "variants": variants, **sections}).encode()


def compiled(**sections: Any) -> CompiledPolicy:
    """That policy compiled, by way of its compiled form as at the edge; it must be valid."""
    return compile_text(policy_text(**sections))


def compile_text(text: bytes) -> CompiledPolicy:
    loaded = load(text)
    assert loaded.policy, loaded.findings
    return CompiledPolicy(
        tables_from(form_text(compile_policy(loaded.policy, loaded.digest)), loaded.digest)
    )


def request(
    url: str = "https://example.com/",
    method: str = "GET",
    headers: dict[str, str] | None = None,
    **place: str,
) -> Request:
    target = parse_target(url, merge_slashes=False)
    assert isinstance(target, RequestTarget), target
    return Request(method, target, headers or {}, Client(**place))
