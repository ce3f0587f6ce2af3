"""What does not answer is not waited for: ai.js and data.js in Node, with bindings that hang."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from router.dev.layout import Layout, find_root

LAYOUT = Layout(find_root(Path(__file__).parent))
EDGE = LAYOUT.root / "agent" / "edge"
HANG = "new Promise(() => {})"
AI = "run({ run: (...given) => ANSWER }, '@cf/a/b', '[]', 50)"
DATA = """ask({ prepare: () => ({ bind: () => ({ raw: () => RAW, all: () => ALL }) }) },
  '["SELECT 1", [[1]]]', READS, 50, 1000)"""
NOBODY = {"error": "no answer within 50 ms"}
COUNTED = {"last_row_id": None, "rows_read": 0, "rows_written": 0}
GIVEN = {"rows": [[1], [2]], "columns": ["a"], "cut": False}
ROWS = "Promise.resolve([['a'], [1], [2]])"
CHANGED = "Promise.resolve({ results: [{ a: 1 }, { a: 2 }], meta: META })".replace(
    "META", "{ changes: 2, last_row_id: 7, rows_read: 1, rows_written: 2, size_after: 9 }"
)
COUNTED = {"last_row_id": 7, "rows_read": 1, "rows_written": 2}


def told(module: str, name: str, call: str) -> Any:
    code = f"import {{ {name} }} from {json.dumps((EDGE / module).as_uri())};"
    code += f"console.log(await {call}); process.exit()"  # a promise that hangs is left
    command = [str(LAYOUT.node), "--no-warnings", "--input-type=module", "--eval", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Promise.resolve({ given })", {"answer": {"given": ["@cf/a/b", [], {}]}}),
        ("Promise.reject(new Error('5007: no'))", {"error": "5007: no"}),
        (HANG, NOBODY),
    ],
)
def test_a_model(answer: str, expected: Any) -> None:
    assert told("bindings/ai.js", "run", AI.replace("ANSWER", answer)) == expected


@pytest.mark.parametrize(
    ("raw", "counted", "reads", "expected"),
    [
        (ROWS, HANG, "true", {**GIVEN, "changes": 0, "meta": {}}),
        (HANG, CHANGED, "false", {**GIVEN, "changes": 2, "meta": COUNTED}),
        (HANG, ROWS, "true", NOBODY),
        (ROWS, HANG, "false", NOBODY),
    ],
)
def test_a_database(raw: str, counted: str, reads: str, expected: Any) -> None:
    call = DATA.replace("RAW", raw).replace("ALL", counted).replace("READS", reads)
    found = told("d1/data.js", "ask", call)
    found.pop("took", None)
    assert found == expected
