"""The lines that `router dev` tells while it serves."""

from __future__ import annotations

import json

import pytest

from router.dev.events import event_text, events_in
from router.edge.isolate.log import log_line

SAID = f"""\
[wrangler:info] GET / 200 OK (3ms)
{log_line("variant-ejected", {"variant": "a", "for_ms": 10, "reason": "2 failures"}, 1.0)}
{{"event": "of another Worker"}}
{{not JSON
[1]
{log_line("coordinator-back", {}, 2.0)}
"""


def test_the_routers_lines_are_found() -> None:
    assert [event["event"] for event in events_in(SAID)] == ["variant-ejected", "coordinator-back"]


def test_on_a_terminal_and_elsewhere() -> None:
    [event, _] = events_in(SAID)
    assert event_text(event, readable=True) == (
        '1970-01-01T00:00:00.001Z warning variant-ejected variant=a for_ms=10 reason="2 failures"'
    )
    assert json.loads(event_text(event, readable=False)) == event


@pytest.mark.parametrize("value", ["", "a b", 'a"', "a=b", "\x1b[31m", None, [1]])
def test_a_value_cannot_pass_for_another(value: object) -> None:
    event = {"time": "t", "level": "info", "event": "e", "x": value}
    text = event_text(event, readable=True)
    assert text == f"t info    e x={json.dumps(value)}"
    assert text.isprintable()
