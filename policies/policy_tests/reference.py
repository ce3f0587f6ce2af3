"""Generates the reference in `docs/workflow.md`: each mapping of test cases with its fields."""

from __future__ import annotations

from policies.language.tooling.reference import Parts, reference_text
from policies.policy_tests import model

_PARTS: Parts = (
    (model.Cases, "the file"),
    (model.Case, "`cases[]`"),
    (model.Request, "`cases[].request`"),
    (model.Expect, "`cases[].expect`"),
    (model.Forwarded, "`cases[].expect.forwarded`"),
    (model.Answer, "`cases[].expect.answer`"),
)


def cases_reference() -> str:
    """Markdown, as in `docs/language.md`."""
    return reference_text(_PARTS)
