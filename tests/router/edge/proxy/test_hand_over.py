"""What workerd's entry code reads of the main module, with Pyodide as it is published."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from router.dev.layout import Layout, find_root

SCRIPT = Path(__file__).with_name("hand_over.mjs")


@pytest.mark.slow
def test_after_the_hand_over_python_is_not_asked_for_the_handler_any_more() -> None:
    node = str(Layout(find_root(SCRIPT)).node)
    command = [node, "--no-warnings", str(SCRIPT)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(ran.stdout) == {
        "before": {"says": "Python's", "then": None, "asked": ["on_fetch", "then"]},
        "after": {"says": "JavaScript's", "then": None, "asked": []},
        "others": [7, "function"],  # functions and futures of Python's are what they were
    }
