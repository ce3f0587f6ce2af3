"""Pairs of small policies for tests."""

from __future__ import annotations

from typing import Any

from policies.difference.difference import Difference, Side, difference
from policies.difference.traffic.sample import Sample
from policies.difference.traffic.traffic import Traffic
from policies.language.compile.compile import compile_policy
from policies.language.load import load
from tests.policies.making import NOW, policy_text


def side_of(text: bytes) -> Side:
    loaded = load(text)
    assert loaded.policy, loaded.findings
    return Side(loaded.policy, compile_policy(loaded.policy, loaded.digest))


def side(**sections: Any) -> Side:
    """`tests.policies.making` says what is there besides the sections."""
    return side_of(policy_text(**sections))


def compared(before: Side, after: Side, requests: int | None = None) -> tuple[Difference, Traffic]:
    found = difference(before, after)
    return found, Sample(before, after, found.renamed, NOW.now_ms).ask(requests)


def routes(*given: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A section `routes` of these, or of one with these fields."""
    made = given or ({"name": "r", "split": {"production": 9, "canary": 1}, **fields},)
    return {"routes": list(made)}
