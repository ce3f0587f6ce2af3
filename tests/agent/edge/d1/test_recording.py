"""Rows of requests in the background: written together, tried again, bounded, never stuck."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from router.dev.layout import Layout, find_root

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def told() -> Any:
    layout = Layout(find_root(HERE))
    script = layout.root / "agent" / "edge" / "d1" / "recording.js"
    command = [str(layout.node), str(HERE / "recording.mjs"), str(script)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_requests_of_a_second_are_written_together(told: Any) -> None:
    ((rows, written_ms, batch),) = told["together"].pop("written")
    assert told["together"] == {"started": 1, "waited": [1000], "points": 2}
    assert (rows, written_ms) == ([{"n": 1}, {"n": 2}], 1_000_000)
    assert len(batch) == 36


def test_what_fails_is_tried_again_under_the_same_key(told: Any) -> None:
    first, second = told["again"]["written"]
    assert first == second
    (waited,) = told["again"]["again"]
    assert 5 <= waited <= 10


def test_what_keeps_failing_is_lost_and_counted(told: Any) -> None:
    assert (told["lost"]["lost"], told["lost"]["tries"]) == (1, 3)
    assert told["lost"]["logged"] == [{"event": "records-lost", "count": 1, "error": "no"}]


def test_what_does_not_fit_is_counted(told: Any) -> None:
    assert (told["full"], told["rows"]) == (1 + 2, 3)


def test_a_batch_whose_request_was_ended_is_taken_over(told: Any) -> None:
    assert told["overdue"] == {"started": 1, "rows": [6, 7, 8]}


def test_analytics_that_fail_fail_nothing(told: Any) -> None:
    assert told["broken"]["lost"] == 3
    assert told["broken"]["logged"] == [{"event": "no-data-point", "count": 1, "error": "full"}]
