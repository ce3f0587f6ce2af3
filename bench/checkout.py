"""A row of another clone of this project, served by that clone's own code.

`row_elsewhere.py` runs in the other clone, with its Python: it builds the
row with the code of that clone, and starts its workerd. This clone sends and counts the requests,
and provides the Worker that all rows forward to. The workerd ends when the other Python ends, which
ends when its input is closed.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from bench.server import Serving
from policies.basics.untyped import JsonObject
from router.dev.layout import SetupError
from router.dev.loopback import HOST, free_port

HERE = Path(__file__).parent
SCRIPT = HERE / "row_elsewhere.py"
BACKEND = HERE / "workers" / "backend.js"
ENDS_WITHIN = 10.0


class Elsewhere(Serving):
    """`function` of the other clone's bench/rows.py builds the row if there is none with its
    name."""

    def __init__(self, root: Path, row: str, function: str) -> None:
        port = free_port()
        order = {"row": row, "function": function, "port": port, "backend": str(BACKEND)}
        self._python = subprocess.Popen(
            # As text: run by path, its folder would stand first on the path of imports.
            [python_of(root), "-c", SCRIPT.read_text(encoding="utf-8"), json.dumps(order)],
            cwd=root,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for this process, which then stops that one
        )
        try:
            started = self._started(root)
        except BaseException:
            self.stop()
            raise
        super().__init__(f"http://{HOST}:{port}", started["group"], Path(started["log"]))

    def _started(self, root: Path) -> JsonObject:
        """Return what the script prints when its workerd has started."""
        assert self._python.stdout is not None
        line = self._python.stdout.readline()
        ended: JsonObject = {"error": "its Python ended without a reason"}
        started: JsonObject = json.loads(line) if line else ended
        if "error" in started:
            raise SetupError(f"{root}: {started['error']}")
        return started

    def stop(self) -> None:
        for end in (self._python.stdin, self._python.stdout):
            if end is not None:
                end.close()
        try:
            self._python.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            self._python.kill()
            self._python.wait()


def python_of(root: Path) -> str:
    """Return the Python of a clone's virtual environment. Raises an error if `root` has none."""
    if not all((root / name).is_file() for name in ("wrangler.toml", "bench/rows.py")):
        raise SetupError(f"{root} is not the root of a clone of this project")
    python = root / ".venv" / "bin" / "python"
    if not python.exists():
        raise SetupError(f"{root} has no virtual environment: run `make install` there")
    return str(python)
