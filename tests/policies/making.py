"""Small policies and requests for tests."""

from __future__ import annotations

import json
from typing import Any

from policies.compiled.policy import CompiledPolicy
from policies.compiled.tables import form_text, tables_from
from policies.http.request import Client, Request
from policies.http.url import RequestTarget, parse_target
from policies.language.compile.compile import compile_policy
from policies.language.load import digest_of, load, read_policy
from policies.language.model.policy import Policy
from policies.language.yaml.budget import Budget
from policies.proxy.decide import Surroundings

NOW = Surroundings(1_800_000_000_000.0)  # January 2027
POOLS = ("production", "canary", "beta")


def policy_text(**sections: Any) -> bytes:
    """A policy as YAML (JSON is YAML), with one variant a pool unless given."""
    variants = {pool: {"binding": pool.upper(), "pool": pool} for pool in POOLS}
    return json.dumps({"version": 1, "variants": variants, **sections}).encode()


def compiled(**sections: Any) -> CompiledPolicy:
    """That policy compiled, by way of its compiled form as at the edge; it must be valid. Nothing
    of it is read as YAML, which takes longer than all the rest."""
    text = policy_text(**sections)
    policy, found = read_policy(json.loads(text), Budget())
    assert policy, found
    return _compiled(policy, digest_of(text))


def compile_text(text: bytes) -> CompiledPolicy:
    loaded = load(text, lint=False)
    assert loaded.policy, loaded.findings
    return _compiled(loaded.policy, loaded.digest)


def _compiled(policy: Policy, digest: str) -> CompiledPolicy:
    return CompiledPolicy(tables_from(form_text(compile_policy(policy, digest)), digest))


def request(
    url: str = "https://example.com/",
    method: str = "GET",
    headers: dict[str, str] | None = None,
    **place: str,
) -> Request:
    target = parse_target(url, merge_slashes=False)
    assert isinstance(target, RequestTarget), target
    return Request(method, target, headers or {}, Client(**place))
