"""The findings of an import, each with its file and its place there.

Each finding is reported once, however often it occurs. An error is a part that was left out, so
that requests may get other responses than in the cluster; a warning is a part that was carried
over with a difference, or that does not affect responses.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from policies.language.findings.findings import Finding, Path, Severity, path_text
from policies.language.findings.found import KeyOf
from policies.language.yaml.composer import Value
from policies.language.yaml.document import Document

MAX_REPORTED = 1_000  # more than anybody reads; the number of others is reported


class ReportedFinding(NamedTuple):
    file: str
    finding: Finding


@dataclass(frozen=True, slots=True, eq=False)
class Manifest:
    """An object, with its file, its document and its path there."""

    file: str
    document: Document
    at: Path
    value: dict[str, Value]

    def place(self, path: Path) -> tuple[int, int]:
        return self.document.place((*self.at, *path))

    def key_place(self, path: Path) -> tuple[int, int]:
        return self.document.key_place((*self.at, *path))

    @property
    def line(self) -> int:
        return self.place(())[0]


class ImportReport:
    """Collects findings."""

    def __init__(self) -> None:
        self._findings: dict[ReportedFinding, None] = {}
        self._files: dict[str, int] = {}
        self._unreported = 0

    def tell(
        self,
        manifest: Manifest,
        path: Path,
        code: str,
        message: str,
        hint: str,
        severity: Severity = "error",
    ) -> None:
        """Add a finding about the value at `path`; about its key, if it ends with a `KeyOf`."""
        at_key = bool(path) and isinstance(path[-1], KeyOf)
        line, column = manifest.key_place(path) if at_key else manifest.place(path)
        text = path_text((*manifest.at, *path))
        self.add(manifest.file, Finding(code, text, line, column, message, hint, severity))

    def warn(self, manifest: Manifest, path: Path, code: str, message: str, hint: str) -> None:
        self.tell(manifest, path, code, message, hint, "warning")

    def add(self, file: str, finding: Finding) -> None:
        reported = ReportedFinding(file, finding)
        self._files.setdefault(file, len(self._files))
        if reported not in self._findings:
            if len(self._findings) < MAX_REPORTED or (
                finding.severity == "error" and not self.has_errors
            ):
                self._findings[reported] = None
            else:
                self._unreported += 1

    @property
    def has_errors(self) -> bool:
        return any(imported.finding.severity == "error" for imported in self._findings)

    def findings(self) -> list[ReportedFinding]:
        """Return the findings in the order of files and places."""
        found = sorted(
            self._findings,
            key=lambda t: (self._files[t.file], t.finding.line, t.finding.column, t.finding.code),
        )
        if self._unreported:
            last = found[-1].finding
            message = f"{last.message} (and {self._unreported:,} further findings)"
            found[-1] = ReportedFinding(found[-1].file, replace(last, message=message))
        return found
