"""What an imported policy decides, and what the Gateway API would."""

from __future__ import annotations

import re
from random import Random
from typing import Any
from urllib.parse import urlencode

from policies.balancing.choose import Fixed, Forward
from policies.compiled.policy import CompiledPolicy
from policies.proxy.decide import decide
from tests.policies.gateway import reference
from tests.policies.gateway.making import Object
from tests.policies.making import NOW, request


def decided(policy: CompiledPolicy, asked: dict[str, Any]) -> tuple[str, set[str]] | None:
    """The route that takes a request, and the variants' bindings that may get it."""
    query = urlencode(asked["query"])
    url = f"http://{asked['host']}{asked['path']}?{query}"
    outcome = decide(
        policy, request(url, asked["method"], asked["headers"]), Random(1), NOW
    ).outcome
    if isinstance(outcome, Forward):
        bindings = {variant.pool: variant.binding for variant in policy.variants}
        return outcome.route.name, {bindings[share.name] for share in outcome.route.shares}
    if isinstance(outcome, Fixed) and outcome.answer.status == 500:
        return outcome.route.name, set()
    return None


def expected(objects: list[Object], asked: dict[str, Any]) -> tuple[str, set[str]] | None:
    rule = reference.winner(objects, asked)
    if rule is None:
        return None
    namespace, name, index = rule
    home = "" if namespace == "default" else f"{namespace}-"
    pools = {f"{service}:{port}@{namespace}" for service, port in reference.backends(objects, rule)}
    return f"{home}{name}-{index}", pools


SERVICE = re.compile(r"# Service (\S+)/(\S+), port (\d+)\n  \S+ \{ binding: (\S+),")


def backends_in(text: str) -> dict[str, str]:
    """Binding to the backend that the comment above its variant names."""
    return {b: f"{name}:{port}@{space}" for space, name, port, b in SERVICE.findall(text)}
