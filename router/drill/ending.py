"""Writes the report of a drill and its result as JSON."""

from __future__ import annotations

import json
from pathlib import Path

from router.drill.report import page
from router.drill.result import Result
from router.terminal.errors import Failed


def write(report: Path, result: Result) -> None:
    """Write the report, and beside it the result as JSON."""
    beside = report.with_suffix(".json")
    document = json.dumps(result.document(), indent=2, ensure_ascii=False) + "\n"
    for path, text in ((report, page(result)), (beside, document)):
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise Failed(f"cannot write {path}: {error.strerror}") from None
