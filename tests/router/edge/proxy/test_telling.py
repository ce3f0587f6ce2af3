"""When Python learns what has come of requests whose decisions are repeated."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from policies.http.changes import Changes
from policies.proxy.phases.effects import Attribution, Carry, Send
from router.dev.layout import Layout, find_root
from router.edge.proxy.wire import effect_text

SCRIPT = Path(__file__).with_name("telling.mjs")
NONE = Changes([], {}, [])
SEND = Send("a", "BACKEND", None, NONE, 0, carry=Carry(NONE, Attribution("a", 0.0, "-")))


def calls(requests: int, *, ended: bool = False) -> list[list[Any]]:
    """What Python is called for, with how many notes, after how many answers."""
    node = str(Layout(find_root(SCRIPT)).node)
    told = {"send": effect_text(1, SEND), "requests": requests, "isEnded": ended}
    ran = subprocess.run(
        [node, "--no-warnings", str(SCRIPT)],
        input=json.dumps(told),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found: list[list[Any]] = json.loads(ran.stdout)
    return found


def test_a_few_are_told_by_themselves_after_an_answer() -> None:
    heard = [["heard", 32, 32], ["heard", 32, 64], ["heard", 32, 96]]
    assert calls(100) == [["decide", 0, 0], *heard]


def test_if_the_runtime_has_ended_those_requests_the_next_one_tells_them() -> None:
    assert calls(600, ended=True) == [["decide", 0, 0], ["decide", 256, 256], ["decide", 256, 512]]
