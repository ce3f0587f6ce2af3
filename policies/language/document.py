"""YAML 1.2 text as plain Python values that know where they stand.

- Reading never raises: whatever the bytes are, they give a document or findings.
- Scalars follow the core schema (YAML 1.2.2, section 10.3): `NO`, `on`, `12:30` and dates
  are text, `1e3` and `0o14` are numbers, `<<` is a key like any other.
- The hostile and the ambiguous are refused: duplicate keys, keys that are not text, tags
  beyond the schema, control characters, several documents, what passes a limit below.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, TypeAlias

from yaml import MarkedYAMLError, events

from policies.language.budget import MAX_FINDINGS
from policies.language.findings import Finding, Path, path_text
from policies.language.yaml_events import Events

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 64  # a policy needs about ten, and whoever walks the values may recurse
MAX_BORROWED = 100_000  # values that aliases may add to those written out
MAX_NUMBER = 100  # characters; a longer one stays text, as Python refuses endless digits
MAX_NODES = 250_000  # keys and values; a route has about twenty

Value: TypeAlias = "dict[str, Value] | list[Value] | str | int | float | bool | None"
# A value, the offset where it stands, and its parts, those of a mapping with their keys'.
_Parts: TypeAlias = "list[_Node] | dict[str, tuple[int, _Node]] | None"
_Node: TypeAlias = "tuple[Value, int, _Parts]"

_WORDS: dict[str, bool | float | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_NUMBER_STARTS = frozenset("+-.0123456789")
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_KINDS = {
    **dict.fromkeys((int, float), "a number"),
    type(None): "empty",
    bool: "true or false",
    str: "text",
    list: "a list",
    dict: "a mapping",
}


def _resolve(text: str) -> str | int | float | bool | None:
    """What a plain scalar means."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_STARTS or len(text) > MAX_NUMBER:
        return text
    if _INTEGER.fullmatch(text):
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    return float(text) if _FLOAT.fullmatch(text) else text


class _Lines:
    """Line and column, both from 1, of an offset into a text."""

    __slots__ = ("_starts", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts: list[int] = []

    def place(self, at: int) -> tuple[int, int]:
        if not self._starts:
            lengths = (len(line) + 1 for line in self._text.split("\n"))
            self._starts = list(accumulate(lengths, initial=0))
        line = bisect_right(self._starts, at)
        return line, at - self._starts[line - 1] + 1

    def finding(self, code: str, at: int, message: str, hint: str, path: Path = ()) -> Finding:
        return Finding(code, path_text(path), *self.place(at), message, hint)


class _Enough(Exception):
    """To read on would be of no use, or endless."""


class _Composer(Events):
    """Makes nodes of events, and findings of what is wrong with them."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.lines = _Lines(text)
        self.findings: list[Finding] = []
        self._path: list[str | int] = []
        self._anchors: dict[str, _Node] = {}
        self._borrowed = 0
        self._nodes = 0

    def read(self) -> _Node:
        """The one document; with findings, whatever could be read of it."""
        try:
            return self._document()
        except _Enough:
            pass
        except (MarkedYAMLError, ValueError, OverflowError) as error:
            self.findings.append(self.lines.finding("yaml-syntax", *self.explain(error)))
        return None, 0, None

    def _report(self, code: str, at: int, message: str, hint: str) -> None:
        self.findings.append(self.lines.finding(code, at, message, hint, tuple(self._path)))
        if len(self.findings) == MAX_FINDINGS:
            raise _Enough

    def _document(self) -> _Node:
        self.state()  # the stream begins
        if type(self.state()) is events.StreamEndEvent:
            return None, 0, None
        root = self._node(self.state())
        self.state()  # the document ends
        event = self.state()
        if type(event) is not events.StreamEndEvent:
            hint = "keep one policy in one file, without `---` between its parts"
            self._report("yaml-several-documents", event.start_mark, "a second document", hint)
        return root

    def _node(self, event: Any) -> _Node:
        kind, at = type(event), event.start_mark
        self._count(at)
        if kind is events.AliasEvent:
            return self._alias(event.anchor, at)
        if event.tag is not None:
            message = f"the tag `{event.tag[:80]}`, which no field can have"
            self._report("yaml-tag", at, message, "remove it, and put what is text in quotes")
        if event.anchor is not None:
            self._anchors.pop(event.anchor, None)  # no node can contain itself
        node: _Node
        if kind is events.ScalarEvent:
            node = _resolve(event.value) if event.implicit[0] else event.value, at, None
        else:
            node = (self._mapping if kind is events.MappingStartEvent else self._sequence)(at)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _count(self, at: int) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            message = f"the policy has more than {MAX_NODES:,} keys and values"
            self._report("yaml-too-large", at, message, "merge routes that do the same")
            raise _Enough

    def _alias(self, name: str, at: int) -> _Node:
        if name not in self._anchors:
            message = f"nothing named `&{name[:80]}` ends before this"
            self._report("yaml-syntax", at, message, "put text that begins with `*` in quotes")
            return None, at, None
        node = self._anchors[name]
        self._borrow(node[0], at, len(self._path))
        return node[0], at, node[2]

    def _borrow(self, value: Value, at: int, depth: int) -> None:
        """Count a value that stands elsewhere as if it were written out here."""
        self._borrowed += 1
        if self._borrowed > MAX_BORROWED:
            message = f"references make the policy larger by more than {MAX_BORROWED:,} values"
            self._report("yaml-alias-bomb", at, message, "refer to large values less often")
            raise _Enough
        self._check_depth(depth, at)
        parts: Iterable[Value] = value if isinstance(value, list) else ()
        for part in value.values() if isinstance(value, dict) else parts:
            self._borrow(part, at, depth + 1)

    def _check_depth(self, depth: int, at: int) -> None:
        if depth > MAX_DEPTH:
            message = f"more than {MAX_DEPTH} lists and mappings inside one another"
            self._report("yaml-too-deep", at, message, "no policy needs to be that deep")
            raise _Enough

    def _sequence(self, at: int) -> _Node:
        path, items = self._path, list[_Node]()
        path.append(0)
        self._check_depth(len(path), at)
        while type(event := self.state()) is not events.SequenceEndEvent:
            path[-1] = len(items)
            items.append(self._node(event))
        path.pop()
        return [item[0] for item in items], at, items

    def _mapping(self, at: int) -> _Node:
        path, fields = self._path, dict[str, tuple[int, _Node]]()
        path.append("?")
        self._check_depth(len(path), at)
        while type(event := self.state()) is not events.MappingEndEvent:
            name, key_at, _ = self._node(event)
            key = path[-1] = name if isinstance(name, str) else "?"
            if key is not name:
                message = f"a key must be text, and this is {_KINDS[type(name)]}"
                self._report("yaml-key-not-text", key_at, message, "put the key in quotes")
            elif key in fields:
                message = f"the same key stands in line {self.lines.place(fields[key][0])[0]}"
                self._report("yaml-duplicate-key", key_at, message, "keep one of the two")
            fields[key] = key_at, self._node(self.state())
        path.pop()
        return {key: field[1][0] for key, field in fields.items()}, at, fields


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """A policy as it was written: its value, and where each part of it stands."""

    value: dict[str, Value]
    _root: _Node
    _lines: _Lines

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


# Control characters, what only YAML 1.1 takes for the end of a line, and a stray byte order mark.
_STRAY = re.compile(
    "[^\t\n -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


def read_document(data: bytes) -> Document | list[Finding]:
    """What a YAML text says, or all that is wrong with it."""
    if len(data) > MAX_BYTES:
        message = f"the policy has {len(data):,} bytes, and {MAX_BYTES:,} are allowed"
        return [Finding("yaml-too-large", "$", 1, 1, message, "merge routes that do the same")]
    try:
        text = _unify(data.removeprefix(codecs.BOM_UTF8).decode())
    except UnicodeDecodeError as error:
        text = _unify(error.object[: error.start].decode())
        message = f"the byte 0x{error.object[error.start]:02X} is not UTF-8"
        return [_Lines(text).finding("yaml-encoding", len(text), message, "save it as UTF-8")]
    if stray := _STRAY.search(text):
        message = f"the character U+{ord(stray[0]):04X} cannot stand in YAML"
        hint = f'remove it, or write "\\u{ord(stray[0]):04X}" in double quotes'
        return [_Lines(text).finding("yaml-syntax", stray.start(), message, hint)]
    composer = _Composer(text)
    root = composer.read()
    value, at, _ = root
    if composer.findings:
        return composer.findings
    if not isinstance(value, dict):
        message = f"a policy is a mapping, and this is {_KINDS[type(value)]}"
        hint = "begin with `version: 1`"
        return [composer.lines.finding("yaml-not-a-mapping", at, message, hint)]
    return Document(value, root, composer.lines)


def _unify(text: str) -> str:
    """All lines end with `\n`, which moves no line and no column."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
