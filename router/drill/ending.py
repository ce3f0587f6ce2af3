"""Prints the result of a drill, and writes its report and its JSON."""

from __future__ import annotations

import json
from pathlib import Path

from router.cli.console import Failed, say
from router.drill.report import page
from router.drill.result import Result
from router.drill.texts import amount, objective, outcome, summary

STYLES = {"met": "green", "not met": "bold red", "not judged": "yellow"}


def tell(result: Result) -> None:
    say((result.verdict, STYLES[result.verdict]), f"  {summary(result)}")
    for judged in result.judged:
        sign, word = outcome(judged)
        measured = amount(judged.measured, judged.unit)
        limit = amount(judged.target, judged.unit)
        why = f": {judged.why}" if judged.why else ""
        text = f" {objective(judged, result.plan.drill)}: "
        say("  ", (sign, STYLES[word]), text, (measured, "bold"), f" (at most {limit}){why}")
    for note in result.notes:
        say(("  note ", "yellow"), note)


def write(report: Path, result: Result) -> None:
    """Write the report, and beside it the result as JSON."""
    beside = report.with_suffix(".json")
    document = json.dumps(result.document(), indent=2, ensure_ascii=False) + "\n"
    for path, text in ((report, page(result)), (beside, document)):
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise Failed(f"cannot write {path}: {error.strerror}") from None
