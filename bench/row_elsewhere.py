"""Runs in another clone, with its Python and its packages: starts the workerd of one row.

Its argument is JSON: {row, function, port, backend}. It says {group, log} or {error} as one line,
and stops the workerd when its input ends. It uses only what clones of any age have alike.
"""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench import rows
from bench.staging import folder_of
from router.dev.layout import Layout, SetupError
from router.dev.prepare import prepare
from router.dev.runtime import serve


def builder(row: str, function: str) -> Any:
    """The row's own; a clone that does not have the row may have what builds it."""
    tables = (rows.ROWS, rows.HEALTH_ROWS, rows.ROLLOUT_ROWS)
    named = [each.workers for table in tables for each in table if each.name == row]
    found = named[0] if named else getattr(rows, function, None)
    if found is None:
        raise SetupError(f"it has no row {row}")
    return found


def started(layout: Layout, told: dict[str, Any]) -> Any:
    prepare(layout)
    folder = folder_of(layout, f"{told['row']}-for-another-clone")
    backend = {"backend.js": Path(told["backend"])}
    workers = [
        replace(worker, modules=backend) if worker.name == rows.BACKEND else worker
        for worker in builder(told["row"], told["function"])(layout, folder)
    ]
    return serve(layout, workers, told["port"], folder)


def main() -> int:
    try:
        with redirect_stdout(sys.stderr):
            process = started(Layout(Path.cwd()), json.loads(sys.argv[1]))
    except Exception as error:
        why = str(error) if isinstance(error, SetupError) else f"{type(error).__name__}: {error}"
        print(json.dumps({"error": why}), flush=True)
        return 1
    try:
        print(json.dumps({"group": process.group, "log": str(process.log)}), flush=True)
        sys.stdin.read()
    finally:
        process.stop()
    return 0


sys.exit(main())
