"""JavaScript of the edge, run by Node."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from router.dev.layout import Layout, find_root

SCRIPT = Path(__file__).with_name("wire.mjs")


class Node:
    """The modules of `driver.js`, as Node runs them."""

    def __init__(self) -> None:
        node = str(Layout(find_root(SCRIPT)).node)
        self._process = subprocess.Popen(
            [node, "--no-warnings", str(SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, what: str, *given: Any) -> Any:
        process = self._process
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps([what, *given]) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    def stop(self) -> None:
        self._process.communicate(timeout=10)
