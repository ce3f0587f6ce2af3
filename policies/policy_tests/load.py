"""Loads a file of test cases: from bytes to the cases, or to all findings.

The stages are those of `routes.yaml` (`policies/language/load.py`): YAML, fields and values, and
checks of several cases. Loading never raises.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from policies.language.check.check import placed
from policies.language.findings.findings import Finding, Path
from policies.language.findings.found import Found
from policies.language.load import errors_in, in_order
from policies.language.yaml.budget import Budget
from policies.language.yaml.composer import CASES
from policies.language.yaml.document import Document, read_document
from policies.policy_tests.model import Cases


@dataclass(frozen=True, slots=True)
class LoadedCases:
    """The result of loading: `cases` is None if and only if there are findings."""

    cases: Cases | None
    findings: tuple[Finding, ...]
    document: Document | None = None

    def place(self, path: Path) -> tuple[int, int]:
        """Return line and column of the value at `path`."""
        return self.document.place(path) if self.document else (1, 1)


def load_cases(data: bytes) -> LoadedCases:
    document = read_document(data, CASES)
    if not isinstance(document, Document):
        return LoadedCases(None, tuple(document))
    cases, found = None, list[Found]()
    try:
        cases = Cases.model_validate(document.value, context=Budget())
        found = [*_several(cases)]
    except ValidationError as error:
        found = errors_in(error, Cases)
    findings = tuple(in_order(placed(document, found, "error")))
    return LoadedCases(None if findings else cases, findings, document)


def _several(cases: Cases) -> Iterator[Found]:
    """Yield a finding for each case with the name of an earlier one."""
    first: dict[str, int] = {}
    for index, case in enumerate(cases.cases):
        if first.setdefault(case.name, index) != index:
            message = f"cases[{first[case.name]}] has this name already"
            yield "bad-name", ("cases", index, "name"), message, "choose another name"
