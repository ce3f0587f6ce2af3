"""bodies.js and timely.js, in Node."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

import workers_runtime
from router.dev.layout import Layout, find_root

HERE = Path(workers_runtime.__file__).parent
LAYOUT = Layout(find_root(HERE))
# A stream of three chunks, one of which ends within a character, that says if it is cancelled.
STREAM = """
let cancelled = false;
const bytes = new TextEncoder().encode("\\ufeffGr\\u00fc\\u00dfe");
const chunks = [bytes.subarray(0, 6), bytes.subarray(6, 7), bytes.subarray(7)];
const stream = () => new ReadableStream({
  pull(controller) {
    const chunk = chunks.shift();
    if (chunk) controller.enqueue(chunk);
    else controller.close();
  },
  cancel() { cancelled = true; },
}, { highWaterMark: 0 });
"""
SIZE = 10


def run(module: str, code: str) -> Any:
    code = f"import * as it from {json.dumps((HERE / module).as_uri())};{STREAM}{code}"
    command = [str(LAYOUT.node), "--no-warnings", "--input-type=module", "--eval", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (f"it.text(stream(), {SIZE})", ["Grüße", False]),
        (f"it.text(stream(), {SIZE - 1})", [None, True]),
        ("it.text(null, 0)", ["", False]),
        (f"it.bytes(stream(), {SIZE}).then((all) => all.byteLength)", [SIZE, False]),
        (f"it.bytes(stream(), {SIZE - 1})", [None, True]),
        ("it.bytes(null, 0).then((all) => all.byteLength)", [0, False]),
        (f"it.beginning(stream(), {SIZE})", ["Grüße", True]),
        ("it.beginning(stream(), 5)", ["Gr", True]),
        ("it.beginning(stream(), 0)", ["", True]),
        ("it.beginning(null, 5)", ["", False]),
    ],
)
def test_a_body_is_read_as_far_as_it_may(call: str, expected: Any) -> None:
    code = f"const read = await {call};console.log(JSON.stringify([read ?? null, cancelled]))"
    assert run("bodies.js", code) == expected


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("it.timely(Promise.resolve(4), 1000)", 4),
        ("it.timely(Promise.reject(new RangeError('no')), 1000)", "RangeError: no"),
        ("it.timely(new Promise(() => {}), 20)", "TimeoutError: no answer in 20 ms"),
        ("it.timely(new Promise(() => {}), 20, 'not in')", "TimeoutError: not in 20 ms"),
    ],
)
def test_what_takes_too_long_is_not_waited_for(call: str, expected: Any) -> None:
    told = f"await {call}.catch((error) => `${{error.name}}: ${{error.message}}`)"
    assert run("timely.js", f"console.log(JSON.stringify({told}))") == expected
