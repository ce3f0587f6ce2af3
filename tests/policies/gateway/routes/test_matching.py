"""The imported policy decides as the Gateway API does on the objects it was made from."""

from __future__ import annotations

from typing import Any

from hypothesis import given

from policies.gateway.convert import convert
from policies.language.load import load
from tests.policies.gateway import reference
from tests.policies.gateway.deciding import backends_in, decided, expected
from tests.policies.gateway.making import EVERY, REQUESTS, Object, clusters, lists, text
from tests.policies.making import compile_text
from tests.support.examples import examples


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
