"""A limiter's answer that comes late is not waited for, and what it grants is not lost."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from router.dev.layout import Layout, find_root

SCRIPT = Path(__file__).with_name("asking.mjs")
GRANT = "[5,3,0,0,0]"
TOO_LATE = [None, "TimeoutError: no answer in 60 ms"]


@pytest.fixture(scope="module")
def asked() -> dict[str, Any]:
    command = [str(Layout(find_root(SCRIPT)).node), "--no-warnings", str(SCRIPT)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_an_isolate_that_is_busy_hears_what_has_come_meanwhile(asked: dict[str, Any]) -> None:
    assert asked["busy"] == {"heard": [GRANT, ""], "returned": []}


@pytest.mark.parametrize(
    ("case", "returned"),
    [("late", [[5, 3]]), ("lateOfPassed", [[5, 2]]), ("failsLate", []), ("deniedLate", [])],
)
def test_what_comes_late_goes_back_but_for_what_has_passed(
    asked: dict[str, Any], case: str, returned: list[list[int]]
) -> None:
    assert asked[case] == {"heard": TOO_LATE, "returned": returned}


def test_a_limiter_that_fails_is_heard_at_once(asked: dict[str, Any]) -> None:
    assert asked["fails"] == {"heard": [None, "Error: no"], "returned": []}
