"""The schema of overlays: editors accept what merges, and mark what is misspelt."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from policies.overlays.schema import overlay_schema
from tests.policies.overlays.making import CASES

VALIDATOR = jsonschema.Draft202012Validator(overlay_schema())
OF_ANOTHER_KIND = {"a text replaces a mapping", "a mapping replaces a text"}
ACCEPTED = [
    *(overlay for name, (overlay, _) in CASES.items() if name not in OF_ANOTHER_KIND),
    {"rollouts": {"one": {"analysis": {"checks": {"smoke": None}}}}},
    {"routes": {"api": {"split": {"q": None, "p": 3}, "timeouts": None}}},
]
REFUSED: list[Any] = [
    {"varaints": {}},
    {"routes": {"api": {"splt": {}}}},
    {"routes": {"api": {"split": {"q": "many"}}}},
    {"variants": {"a": {"regoin": "eu"}}},
    {"variants": []},
]


@pytest.mark.parametrize("overlay", ACCEPTED)
def test_what_merges_is_accepted(overlay: Any) -> None:
    overlay = {**overlay}
    overlay.pop("health", None)  # of the cases, this one is no field of a policy
    VALIDATOR.validate(overlay)


@pytest.mark.parametrize("overlay", REFUSED)
def test_what_is_misspelt_is_marked(overlay: Any) -> None:
    assert not VALIDATOR.is_valid(overlay)
