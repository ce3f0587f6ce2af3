"""Reads YAML documents: a policy, a drill's plan, or Kubernetes manifests.

Reading never raises: any bytes give documents or findings. `composer.py` says which parts of
YAML are accepted.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Protocol

from policies.basics.steps import STEP_TEXT, Steps, finished, units_of
from policies.language.findings.findings import Finding, Path
from policies.language.yaml.composer import (
    KINDS,
    MANIFESTS,
    POLICY,
    Composer,
    Dialect,
    Lines,
    Node,
    Value,
)


class Placed(Protocol):
    """A value, and the place of each of its parts (line and column, from 1)."""

    @property
    def value(self) -> dict[str, Value]: ...
    def place(self, path: Path) -> tuple[int, int]: ...
    def key_place(self, path: Path) -> tuple[int, int]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """A policy or a manifest: its value, and the place of each of its parts."""

    value: dict[str, Value]
    root: Node
    lines: Lines

    def place(self, path: Path) -> tuple[int, int]:
        """Return line and column of the value at `path`, or of the nearest one around it."""
        return self.lines.place(self._walk(path)[1])

    def key_place(self, path: Path) -> tuple[int, int]:
        """Return line and column of the key at `path`, or of the item of a list."""
        return self.lines.place(self._walk(path)[0])

    def _walk(self, path: Path) -> tuple[int, int]:
        key_at, (_, at, parts) = self.root[1], self.root
        for step in path:
            if isinstance(parts, dict) and isinstance(step, str) and step in parts:
                key_at, (_, at, parts) = parts[step]
            elif isinstance(parts, list) and isinstance(step, int) and step < len(parts):
                _, at, parts = parts[step]
                key_at = at
            else:
                break
        return key_at, at


TEXT_UNIT = 64 * STEP_TEXT  # characters that are decoded or searched in one unit of work
LOOK = TEXT_UNIT  # characters that are searched in one step

# Control characters, line ends of YAML 1.1 only, and a misplaced byte order mark.
_STRAY = re.compile(
    "[^\t\n -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


def read_document(data: bytes, dialect: Dialect = POLICY) -> Document | list[Finding]:
    """Return the document of a policy or plan, or all findings about its YAML."""
    return finished(document_steps(data, dialect))


def document_steps(data: bytes, dialect: Dialect = POLICY) -> Steps[Document | list[Finding]]:
    """The same, in steps."""
    text = yield from _read_text(data, dialect)
    if isinstance(text, Finding):
        return [text]
    composer = Composer(text, dialect)
    roots: list[Node] = []
    for root in composer.read():
        if root is None:
            yield 1
        else:
            roots.append(root)
    if composer.findings:
        return composer.findings
    document = _document(roots[0] if roots else (None, 0, None), composer.lines, dialect)
    return [document] if isinstance(document, Finding) else document


def read_manifests(data: bytes) -> tuple[list[Document], list[Finding]]:
    """Return the valid documents of a file of Kubernetes manifests, and the findings about the
    others. Empty documents are skipped."""
    text = finished(_read_text(data, MANIFESTS))
    if isinstance(text, Finding):
        return [], [text]
    composer = Composer(text, MANIFESTS)
    documents: list[Document] = []
    others: list[Finding] = []
    known = 0  # findings about earlier documents
    for root in filter(None, composer.read()):
        if known == len(composer.findings) and root[0] is not None:
            document = _document(root, composer.lines, MANIFESTS)
            if isinstance(document, Document):
                documents.append(document)
            else:
                others.append(document)
        known = len(composer.findings)
    return documents, composer.findings + others


def _document(root: Node, lines: Lines, dialect: Dialect) -> Document | Finding:
    value, at, _ = root
    if isinstance(value, dict):
        return Document(value, root, lines)
    message = f"a {dialect.noun} must be a mapping, but this is {KINDS[type(value)]}"
    return lines.finding("yaml-not-a-mapping", at, message, dialect.begin)


def _read_text(data: bytes, dialect: Dialect) -> Steps[str | Finding]:
    """Return the text if all its characters are allowed, else a finding."""
    if len(data) > dialect.max_bytes:
        message = f"the {dialect.noun} has {len(data):,} bytes, "
        message += f"but only {dialect.max_bytes:,} are allowed"
        return Finding("yaml-too-large", "$", 1, 1, message, dialect.smaller)
    try:
        text = _unify(data.removeprefix(codecs.BOM_UTF8).decode())
    except UnicodeDecodeError as error:
        text = _unify(error.object[: error.start].decode())
        message = f"the byte 0x{error.object[error.start]:02X} is not UTF-8"
        return Lines(text).finding("yaml-encoding", len(text), message, "save it as UTF-8")
    if len(text) > LOOK:
        yield units_of(text, TEXT_UNIT)
    stray = None
    for begin in range(0, len(text), LOOK):
        stray = _STRAY.search(text, begin, begin + LOOK)
        if stray:
            break
        yield units_of(text[begin : begin + LOOK], TEXT_UNIT)
    if stray:
        message = f"the character U+{ord(stray[0]):04X} is not allowed in YAML"
        hint = f'remove it, or write "\\u{ord(stray[0]):04X}" in double quotes'
        return Lines(text).finding("yaml-syntax", stray.start(), message, hint)
    return text


def _unify(text: str) -> str:
    """Return the text with `\n` as the end of each line; lines and columns stay the same."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
