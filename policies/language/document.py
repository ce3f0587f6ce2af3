"""Texts in YAML and what they say: a policy, a drill's plan, or Kubernetes manifests.

Reading never raises: whatever the bytes are, they give documents or findings. What of YAML
is taken, and what is refused, is in `composer.py`.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Protocol

from policies.decisions.steps import STEP_TEXT, Steps, finished, units_of
from policies.language.composer import (
    KINDS,
    MANIFESTS,
    POLICY,
    Composer,
    Dialect,
    Lines,
    Node,
    Value,
)
from policies.language.findings import Finding, Path


class Placed(Protocol):
    """A value, and where each part of it stands (line and column, from 1)."""

    @property
    def value(self) -> dict[str, Value]: ...
    def place(self, path: Path) -> tuple[int, int]: ...
    def key_place(self, path: Path) -> tuple[int, int]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """A policy, or a manifest, as it was written: its value, and where each part of it stands."""

    value: dict[str, Value]
    _root: Node
    _lines: Lines

    def place(self, path: Path) -> tuple[int, int]:
        """Line and column of the value at `path`, or of the nearest one around it."""
        return self._lines.place(self._walk(path)[1])

    def key_place(self, path: Path) -> tuple[int, int]:
        """Line and column of the key at `path`; an item of a list has only its own."""
        return self._lines.place(self._walk(path)[0])

    def _walk(self, path: Path) -> tuple[int, int]:
        key_at, (_, at, parts) = self._root[1], self._root
        for step in path:
            if isinstance(parts, dict) and isinstance(step, str) and step in parts:
                key_at, (_, at, parts) = parts[step]
            elif isinstance(parts, list) and isinstance(step, int) and step < len(parts):
                _, at, parts = parts[step]
                key_at = at
            else:
                break
        return key_at, at


TEXT_UNIT = 64 * STEP_TEXT  # characters that are decoded, or looked at, in one unit of work
LOOK = TEXT_UNIT  # characters at which one step looks

# Control characters, what only YAML 1.1 takes for the end of a line, and a stray byte order mark.
_STRAY = re.compile(
    "[^\t\n -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


def read_document(data: bytes, dialect: Dialect = POLICY) -> Document | list[Finding]:
    """What the YAML text of a policy or plan says, or all that is wrong with it."""
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
    """The documents of a file of Kubernetes manifests that are whole, and what is wrong with
    the others. Empty documents are passed over."""
    text = finished(_read_text(data, MANIFESTS))
    if isinstance(text, Finding):
        return [], [text]
    composer = Composer(text, MANIFESTS)
    documents: list[Document] = []
    others: list[Finding] = []
    known = 0  # findings about the documents before
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
    message = f"a {dialect.noun} is a mapping, and this is {KINDS[type(value)]}"
    return lines.finding("yaml-not-a-mapping", at, message, dialect.begin)


def _read_text(data: bytes, dialect: Dialect) -> Steps[str | Finding]:
    """The text, in which every character may stand, or why it is none."""
    if len(data) > dialect.max_bytes:
        message = f"the {dialect.noun} has {len(data):,} bytes, "
        message += f"and {dialect.max_bytes:,} are allowed"
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
        message = f"the character U+{ord(stray[0]):04X} cannot stand in YAML"
        hint = f'remove it, or write "\\u{ord(stray[0]):04X}" in double quotes'
        return Lines(text).finding("yaml-syntax", stray.start(), message, hint)
    return text


def _unify(text: str) -> str:
    """All lines end with `\n`, which moves no line and no column."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
