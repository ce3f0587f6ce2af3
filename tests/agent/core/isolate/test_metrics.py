"""What is counted, in both forms."""

from __future__ import annotations

import pytest

from agent.callbacks.callback import OutboxDepth
from agent.core.identity import identity_of
from agent.core.isolate.metrics import Backlog, Metrics, prefers_text

WHO = identity_of("canary", "eu", 0x1234, 0)


def test_text() -> None:
    metrics = Metrics()
    metrics.requests["/", 200] += 2
    metrics.records_lost = 4
    metrics.jobs['a"b\\c\n', "failed"] += 1
    backlog = Backlog([], OutboxDepth(1, 2, 3, 4, 1_500))
    lines = metrics.text(WHO, backlog).splitlines()
    own = 'worker="cf-eu-00001234",variant="canary",region="eu"'
    assert f'agent_requests_total{{endpoint="/",status="200",{own}}} 2' in lines
    assert rf'agent_jobs_total{{capability="a\"b\\c\n",outcome="failed",{own}}} 1' in lines
    assert f"agent_records_lost_total{{{own}}} 4" in lines
    assert 'agent_callbacks{state="failed"} 4' in lines
    assert "agent_callbacks_oldest_seconds 1.5" in lines
    kinds = [line for line in lines if line.startswith("# TYPE ")]
    assert len(kinds) == len(set(kinds)) == 8


@pytest.mark.parametrize(
    ("accept", "is_text"),
    [
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("text/plain", True),
        ("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5", True),
        ("text/plain, application/json", False),
    ],
)
def test_which_form(accept: str, is_text: bool) -> None:
    assert prefers_text(accept) is is_text
