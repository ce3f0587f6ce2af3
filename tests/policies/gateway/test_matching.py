"""The imported policy decides as the Gateway API does on the objects it was made from."""

from __future__ import annotations

import re
from random import Random
from typing import Any
from urllib.parse import urlencode

from hypothesis import given

from policies.decisions.choose import Fixed, Forward
from policies.decisions.policy import CompiledPolicy
from policies.gateway.convert import convert
from policies.language.load import load
from policies.proxy.decide import decide
from tests.policies.gateway import reference
from tests.policies.gateway.making import EVERY, REQUESTS, Object, clusters, lists, text
from tests.policies.making import NOW, compile_text, request
from tests.support.examples import examples


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


@examples(250)
@given(clusters(), lists(REQUESTS, 1, 12))
def test_decisions_are_the_gateway_apis(
    objects: list[Object], requests: list[dict[str, Any]]
) -> None:
    imported = convert([("m.yaml", text(*objects))], EVERY)
    if imported.text is None:  # no listener takes any route
        assert all(reference.winner(objects, asked) is None for asked in requests)
        return
    assert load(imported.text.encode()).policy
    policy = compile_text(imported.text.encode())
    names = backends_in(imported.text)
    for asked in requests:
        got = decided(policy, asked)
        told = got and (got[0].removesuffix(".any"), {names[binding] for binding in got[1]})
        assert told == expected(objects, asked), imported.text
