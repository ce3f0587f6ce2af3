"""A part of a split that has no backend."""

from __future__ import annotations

from typing import Any

import pytest

from policies.language.load import load
from tests.policies.making import compile_text, policy_text

GONE = {"weight": 1, "backend": "none"}


def text(split: dict[str, Any], **more: Any) -> bytes:
    return policy_text(routes=[{"name": "r", "split": split, **more}])


def codes(data: bytes) -> list[tuple[str, str]]:
    return [(each.code, each.path) for each in load(data).findings]


def test_it_needs_no_pool() -> None:  # 14.30
    data = text({"production": 3, "gone": GONE})
    assert codes(data) == []
    (route,) = compile_text(data).routes
    assert {share.name: share.chain for share in route.shares} == {
        "production": ("production",),
        "gone": (),
    }


def test_it_is_nobody_s_fallback() -> None:  # 14.30
    """The first pool of a split is the others' fallback, whatever stands before it."""
    (route,) = compile_text(text({"gone": GONE, "production": 1, "canary": 1})).routes
    chains = {share.name: share.chain for share in route.shares}
    assert chains["canary"] == ("canary", "production")


@pytest.mark.parametrize(
    ("split", "code", "path"),
    [
        ({"gone": GONE}, "split-without-weight", "routes[0].split"),
        ({"production": 0, "gone": GONE}, "split-without-weight", "routes[0].split"),
        (
            {"production": 1, "gone": {"backend": "some"}},
            "unknown-value",
            "routes[0].split.gone.backend",
        ),
        (
            {"production": 1, "gone": GONE | {"filters": {"rewrite": {"hostname": "a.test"}}}},
            "unused-field",
            "routes[0].split.gone",
        ),
    ],
)
def test_what_is_refused(split: dict[str, Any], code: str, path: str) -> None:
    assert (code, path) in codes(text(split))


def test_a_rollout_cannot_move_to_it() -> None:
    data = policy_text(
        routes=[{"name": "r", "split": {"production": 1, "gone": GONE}}],
        rollouts=[
            {
                "name": "x",
                "routes": ["r"],
                "from": "production",
                "to": "gone",
                "steps": [{"weight": "5%"}],
            }
        ],
    )
    assert "rollout-pools" in [code for code, _ in codes(data)]
