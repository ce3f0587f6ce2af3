"""From the bytes of a file of cases to the cases, or to everything that is wrong with it.

The same readings as of `routes.yaml` (`policies/language/load.py`): YAML, the fields and
values, and what concerns several cases at once. Nothing is raised.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from policies.language.budget import Budget
from policies.language.check import placed
from policies.language.composer import CASES
from policies.language.document import Document, read_document
from policies.language.findings import Finding, Path
from policies.language.found import Found
from policies.language.load import errors_in, in_order
from policies.policy_tests.model import Cases


@dataclass(frozen=True, slots=True)
class LoadedCases:
    """`cases` are there exactly if there are no findings."""

    cases: Cases | None
    findings: tuple[Finding, ...]
    document: Document | None = None

    def place(self, path: Path) -> tuple[int, int]:
        """Line and column of what stands at `path`."""
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
    """Two cases of one name."""
    first: dict[str, int] = {}
    for index, case in enumerate(cases.cases):
        if first.setdefault(case.name, index) != index:
            message = f"cases[{first[case.name]}] has this name already"
            yield "bad-name", ("cases", index, "name"), message, "choose another name"
