"""`memory.js` is bounded whatever clients choose, and leases are lost to nobody."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from router.dev.layout import Layout, find_root

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).with_name("memory.mjs")
MOST = 40_000_000  # bytes; an isolate has 128 MB


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    node = str(Layout(find_root(SCRIPT)).node)
    command = [node, "--no-warnings", "--expose-gc", str(SCRIPT)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


@pytest.mark.parametrize("chosen", ["values", "names", "paths", "hosts"])
def test_what_clients_choose_is_kept_within_bounds(made: dict[str, Any], chosen: str) -> None:
    assert made["bytes"][chosen] < MOST


def test_no_number_of_hosts_keeps_others_from_being_remembered(made: dict[str, Any]) -> None:
    assert made["hosts"] == 12_000


def test_leases_of_what_is_not_remembered_can_be_asked_back_once(made: dict[str, Any]) -> None:
    assert made["left"] == [7, 0, 5]


def test_what_python_has_dropped_is_not_repeated_until_it_is_decided_again(
    made: dict[str, Any],
) -> None:
    assert made["known"] == [[None, 2], [3, 2]]
