"""Prints the result of a drill: the verdict, and the measured value of each objective."""

from __future__ import annotations

from router.drill.result import Result
from router.drill.texts import amount, objective, outcome, summary
from router.terminal.console import say

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
