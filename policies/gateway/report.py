"""What an import has to say: findings, each with its file and its place there.

A finding is told once, however often something comes across it. An error is something that
was left out, so that requests may get another answer than in the cluster; a warning is
something that was carried over with a difference, or that has no effect on answers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from policies.language.composer import Value
from policies.language.document import Document
from policies.language.findings import Finding, Path, Severity, path_text
from policies.language.found import Key

MAX_TOLD = 1_000  # more than anybody reads; that there are more is told, too


class Told(NamedTuple):
    file: str
    finding: Finding


@dataclass(frozen=True, slots=True, eq=False)
class Manifest:
    """One object, and where it stands: in which file, and at which path of which document."""

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


class Report:
    """Collects findings."""

    def __init__(self) -> None:
        self._told: dict[Told, None] = {}
        self._files: dict[str, int] = {}
        self._untold = 0

    def tell(
        self,
        manifest: Manifest,
        path: Path,
        code: str,
        message: str,
        hint: str,
        severity: Severity = "error",
    ) -> None:
        """A finding about what is at `path`; about its key if the last step is a `Key`."""
        at_key = bool(path) and isinstance(path[-1], Key)
        line, column = manifest.key_place(path) if at_key else manifest.place(path)
        text = path_text((*manifest.at, *path))
        self.add(manifest.file, Finding(code, text, line, column, message, hint, severity))

    def warn(self, manifest: Manifest, path: Path, code: str, message: str, hint: str) -> None:
        self.tell(manifest, path, code, message, hint, "warning")

    def add(self, file: str, finding: Finding) -> None:
        told = Told(file, finding)
        self._files.setdefault(file, len(self._files))
        if told not in self._told:
            if len(self._told) < MAX_TOLD or (finding.severity == "error" and not self.has_errors):
                self._told[told] = None
            else:
                self._untold += 1

    @property
    def has_errors(self) -> bool:
        return any(told.finding.severity == "error" for told in self._told)

    def told(self) -> list[Told]:
        """In the order of files and places."""
        found = sorted(
            self._told,
            key=lambda t: (self._files[t.file], t.finding.line, t.finding.column, t.finding.code),
        )
        if self._untold:
            last = found[-1].finding
            message = f"{last.message} (and {self._untold:,} further findings)"
            found[-1] = Told(found[-1].file, replace(last, message=message))
        return found
