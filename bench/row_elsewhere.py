"""Runs in another clone, with its Python and its packages: starts the workerd of one row.

Its argument is JSON: {row, function, port, backend}. It prints {group, log} or {error} as one line,
and stops the workerd when its input ends. It uses only names that clones of any age have.
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
    """The function that builds the row. A clone without the row may still have the function."""
    tables = (rows.ROWS, rows.HEALTH_ROWS, rows.ROLLOUT_ROWS)
    builders = [known.workers for table in tables for known in table if known.name == row]
    build = builders[0] if builders else getattr(rows, function, None)
    if build is None:
        raise SetupError(f"it has no row {row}")
    return build


def started(layout: Layout, order: dict[str, Any]) -> Any:
    prepare(layout)
    folder = folder_of(layout, f"{order['row']}-for-another-clone")
    backend = {"backend.js": Path(order["backend"])}
    workers = [
        replace(worker, modules=backend) if worker.name == rows.BACKEND else worker
        for worker in builder(order["row"], order["function"])(layout, folder)
    ]
    return serve(layout, workers, order["port"], folder)


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
