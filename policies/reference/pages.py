"""The parts of the documentation that are made from the code, and where they stand.

A part stands between `<!-- NAME -->` and `<!-- end of NAME -->`, each on a line of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from policies.drill_plan.reference import plan_reference
from policies.language.tooling.reference import reference_text
from policies.policy_tests.reference import cases_reference
from policies.reference.machines import DRILL, OUTLIER, ROLLOUT, machine_text


class Part(NamedTuple):
    """`page`: of the folder `docs`."""

    page: str
    name: str
    make: Callable[[], str]


PARTS = (
    Part("language.md", "reference", reference_text),
    Part("drill-plans.md", "reference", plan_reference),
    Part("workflow.md", "reference", cases_reference),
    Part("rollouts.md", "transitions", lambda: machine_text(ROLLOUT)),
    Part("drills.md", "transitions", lambda: machine_text(DRILL)),
    Part("language.md", "transitions", lambda: machine_text(OUTLIER)),
)


def part_of(text: str, part: Part) -> str:
    """What stands in the text of a page. Raises `ValueError` without the two lines."""
    begin, end = _lines(part)
    start = text.index(begin) + len(begin)
    return text[start : text.index(end, start)]


def with_part(text: str, part: Part) -> str:
    """The text of a page with the part as the code has it now."""
    begin, _ = _lines(part)
    return text.replace(begin + part_of(text, part), begin + part.make())


def _lines(part: Part) -> tuple[str, str]:
    return f"<!-- {part.name} -->\n", f"<!-- end of {part.name} -->\n"
