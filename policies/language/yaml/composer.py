"""Reads YAML 1.2 text to nodes: plain Python values with their places.

- Scalars follow the core schema (YAML 1.2.2, section 10.3): `NO`, `on`, `12:30` and dates
  are text, `1e3` and `0o14` are numbers, `<<` is a key like any other.
- Hostile and ambiguous input is refused: duplicate keys, keys that are not text, tags beyond
  the schema, whatever exceeds a limit below; in a policy also a second document.
- A text may hold several Kubernetes manifests, and these may have merge keys (`<<`).
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from yaml import MarkedYAMLError, events

from policies.basics.steps import STEP_TEXT, STEP_VALUES
from policies.language.findings.findings import Finding, Path, path_text
from policies.language.yaml.budget import MAX_FINDINGS
from policies.language.yaml.events import Events, TooLong

MAX_BYTES = 4 * 1024 * 1024
MAX_MANIFEST_BYTES = 32 * 1024 * 1024  # a cluster's objects hold much besides routes
MAX_DEPTH = 64  # a policy needs about ten; code that walks the values may recurse
MAX_BORROWED = 100_000  # values that aliases may add to those written out
MAX_NUMBER = 100  # characters; a longer one stays text, since Python refuses too many digits
MAX_NODES = 250_000  # keys and values; a route has about twenty
MAX_MANIFEST_NODES = 1_000_000
MAX_TEXT = 64 * 1024  # characters of one text; even a `body` has fewer
MAX_PLAN_BYTES = 256 * 1024  # a drill's plan is a page of text
MAX_PLAN_NODES = 10_000
MAX_CASES_BYTES = 4 * 1024 * 1024  # of test cases, as for the policy

Value: TypeAlias = "dict[str, Value] | list[Value] | str | int | float | bool | None"
# A value, its offset in the text, and its parts; those of a mapping with the keys' offsets.
Parts: TypeAlias = "list[Node] | dict[str, tuple[int, Node]] | None"
Node: TypeAlias = "tuple[Value, int, Parts]"
Reading: TypeAlias = "Generator[None, None, Node]"  # a node, in steps

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
KINDS = {
    **dict.fromkeys((int, float), "a number"),
    type(None): "empty",
    bool: "true or false",
    str: "text",
    list: "a list",
    dict: "a mapping",
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """A kind of text: its name in messages, its limits, and hints."""

    noun: str
    max_bytes: int
    max_nodes: int
    smaller: str
    begin: str
    several: bool  # documents in one text, and merge keys in their mappings
    max_text: int = MAX_TEXT


POLICY = Dialect(
    *("policy", MAX_BYTES, MAX_NODES),
    *("merge routes that do the same", "begin with `version: 1`", False),
)
PLAN = Dialect(
    *("plan", MAX_PLAN_BYTES, MAX_PLAN_NODES),
    *("send fewer kinds of requests", "begin with `version: 1`", False),
)
OVERLAY = Dialect(
    *("overlay", MAX_BYTES, MAX_NODES),
    *("change less", "write what differs, or remove the file", False),
)
CASES = Dialect(
    *("file of cases", MAX_CASES_BYTES, MAX_NODES),
    *("write several files", "begin with `version: 1`", False),
)
MANIFESTS = Dialect(
    *("manifest", MAX_MANIFEST_BYTES, MAX_MANIFEST_NODES),
    *("split it into several files", "begin with `apiVersion` and `kind`", True),
    max_text=MAX_MANIFEST_BYTES,
)


def resolve(text: str) -> str | int | float | bool | None:
    """Return the value of a plain scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_STARTS or len(text) > MAX_NUMBER:
        return text
    if _INTEGER.fullmatch(text):
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    return float(text) if _FLOAT.fullmatch(text) else text


class Lines:
    """Line and column, both from 1, of an offset into a text."""

    __slots__ = ("_at", "_line", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._at, self._line = 0, 1  # the last lookup: the next is mostly near

    def place(self, at: int) -> tuple[int, int]:
        text = self._text
        self._line += text.count("\n", self._at, at) - text.count("\n", at, self._at)
        self._at = at
        return self._line, at - text.rfind("\n", 0, at)

    def finding(self, code: str, at: int, message: str, hint: str, path: Path = ()) -> Finding:
        return Finding(code, path_text(path), *self.place(at), message, hint)


class _Enough(Exception):
    """Stops the reading: more would be of no use, or endless."""


class Composer(Events):
    """Makes nodes and findings from events."""

    def __init__(self, text: str, dialect: Dialect) -> None:
        super().__init__(text, dialect.max_text)
        self._dialect = dialect
        self.lines = Lines(text)
        self.findings: list[Finding] = []
        self._path: list[str | int] = []
        self._anchors: dict[str, Node] = {}
        self._borrowed = 0
        self._nodes = 0
        self._step_nodes, self._step_index = STEP_VALUES, STEP_TEXT

    def read(self) -> Iterator[Node | None]:
        """Yield the documents, each at its end; too many findings end the reading. Yields None
        after each unit of work (`basics/steps.py`)."""
        try:
            yield from self._documents()
        except _Enough:
            pass
        except TooLong as error:
            message = f"a text has more than {self._dialect.max_text:,} characters"
            place = error.begin, message, "shorten it; long bodies can be served by a variant"
            self.findings.append(self.lines.finding("yaml-too-large", *place))
        except (MarkedYAMLError, ValueError, OverflowError) as error:
            self.findings.append(self.lines.finding("yaml-syntax", *self.explain(error)))

    def _report(self, code: str, at: int, message: str, hint: str) -> None:
        self.findings.append(self.lines.finding(code, at, message, hint, tuple(self._path)))
        if len(self.findings) == MAX_FINDINGS:
            raise _Enough

    def _documents(self) -> Iterator[Node | None]:
        self.state()  # the stream begins
        event = self.state()
        while type(event) is not events.StreamEndEvent:
            self._anchors.clear()  # each document has its own
            root = yield from self._node(self.state())
            self.state()  # the document ends
            event = self.state()
            if type(event) is not events.StreamEndEvent and not self._dialect.several:
                hint = f"keep one {self._dialect.noun} per file, without `---` between its parts"
                self._report("yaml-several-documents", event.start_mark, "a second document", hint)
                return
            yield root

    def _node(self, event: Any) -> Reading:
        kind, at = type(event), event.start_mark
        self._count(at)
        if self._nodes >= self._step_nodes or self.index >= self._step_index:
            self._step_nodes = self._nodes + STEP_VALUES
            self._step_index = self.index + STEP_TEXT
            yield None
        if kind is events.AliasEvent:
            return self._alias(event.anchor, at)
        if event.tag is not None:
            message = f"the tag `{event.tag[:80]}` is not allowed"
            self._report("yaml-tag", at, message, "remove it, and put text in quotes")
        if event.anchor is not None:
            self._anchors.pop(event.anchor, None)  # no node can contain itself
        node: Node
        if kind is events.ScalarEvent:
            node = resolve(event.value) if event.implicit[0] else event.value, at, None
        else:
            is_mapping = kind is events.MappingStartEvent
            node = yield from (self._mapping if is_mapping else self._sequence)(at)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _count(self, at: int) -> None:
        self._nodes += 1
        dialect = self._dialect
        if self._nodes > dialect.max_nodes:
            message = f"the {dialect.noun} has more than {dialect.max_nodes:,} keys and values"
            self._report("yaml-too-large", at, message, dialect.smaller)
            raise _Enough

    def _alias(self, name: str, at: int) -> Node:
        if name not in self._anchors:
            message = f"no anchor `&{name[:80]}` is complete before this alias"
            self._report("yaml-syntax", at, message, "put text that begins with `*` in quotes")
            return None, at, None
        node = self._anchors[name]
        self._borrow(node[0], at, len(self._path))
        return node[0], at, node[2]

    def _borrow(self, value: Value, at: int, depth: int) -> None:
        """Count an aliased value as if it were written here."""
        self._borrowed += 1
        if self._borrowed > MAX_BORROWED:
            message = f"references make the {self._dialect.noun} larger by more than "
            message += f"{MAX_BORROWED:,} values"
            self._report("yaml-alias-bomb", at, message, "use fewer aliases of large values")
            raise _Enough
        self._check_depth(depth, at)
        parts: Iterable[Value] = value if isinstance(value, list) else ()
        for part in value.values() if isinstance(value, dict) else parts:
            self._borrow(part, at, depth + 1)

    def _check_depth(self, depth: int, at: int) -> None:
        if depth > MAX_DEPTH:
            message = f"lists and mappings are nested more than {MAX_DEPTH} deep"
            hint = f"no {self._dialect.noun} needs that depth"
            self._report("yaml-too-deep", at, message, hint)
            raise _Enough

    def _sequence(self, at: int) -> Reading:
        path, items = self._path, list[Node]()
        path.append(0)
        self._check_depth(len(path), at)
        while type(event := self.state()) is not events.SequenceEndEvent:
            path[-1] = len(items)
            items.append((yield from self._node(event)))
        path.pop()
        return [item[0] for item in items], at, items

    def _mapping(self, at: int) -> Reading:
        path, fields = self._path, dict[str, tuple[int, Node]]()
        path.append("?")
        self._check_depth(len(path), at)
        while type(event := self.state()) is not events.MappingEndEvent:
            name, key_at, _ = yield from self._node(event)
            key = path[-1] = name if isinstance(name, str) else "?"
            if key is not name:
                message = f"a key must be text, but this is {KINDS[type(name)]}"
                self._report("yaml-key-not-text", key_at, message, "put the key in quotes")
            elif key in fields:
                message = f"the same key is in line {self.lines.place(fields[key][0])[0]}"
                self._report("yaml-duplicate-key", key_at, message, "keep one of the two")
            fields[key] = key_at, (yield from self._node(self.state()))
        path.pop()
        if self._dialect.several and "<<" in fields:
            self._merge(fields, fields.pop("<<")[1])
        return {key: field[1][0] for key, field in fields.items()}, at, fields

    def _merge(self, fields: dict[str, tuple[int, Node]], node: Node) -> None:
        """Apply the merge key of YAML 1.1: add the fields of the mappings in `node` that are
        missing."""
        for _, at, parts in node[2] if isinstance(node[2], list) else [node]:
            if isinstance(parts, dict):
                for key, field in parts.items():
                    fields.setdefault(key, field)
            else:
                hint = "refer to a mapping, or to a list of mappings"
                self._report(
                    "yaml-syntax", at, "`<<` merges mappings, but this is not a mapping", hint
                )
