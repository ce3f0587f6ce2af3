"""A policy's text, the YAML nodes in it, and changes of single places.

- A node knows where it stands, so a change touches its characters and no others: what is
  written anew would lose its layout.
- Positions come from the parser of ruamel.yaml. Whether a change did what it should is for
  `settling.py` to find out, with the reader that the router itself has.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate
from typing import Any, NamedTuple

from router.terminal.errors import Failed

_ALIAS = re.compile(r"[ \t]*:[ \t]+(\*[^\s,\[\]{}]+)")
_ANCHOR = re.compile(r"&\S+\s+")


class Change(NamedTuple):
    """`text` in place of what stands from `start` to `end`."""

    start: int
    end: int
    text: str


class Field(NamedTuple):
    """A key of a mapping, and its value."""

    key: Any
    value: Any


class Source:
    """The text of a policy that is valid."""

    def __init__(self, text: str) -> None:
        from ruamel.yaml import YAML  # takes longer to import than most commands to run
        from ruamel.yaml.error import YAMLError

        self.text = text
        self.lines = text.splitlines(keepends=True)
        self.starts = list(accumulate(map(len, self.lines), initial=0))
        self.line_end = "\r\n" if self.lines[0].endswith("\r\n") else "\n"
        reader = YAML(typ="rt", pure=True)
        reader.composer.warn_double_anchors = False  # the language takes them
        try:
            self.root = reader.compose(text)
        except YAMLError as error:
            raise Failed(f"the places in this file cannot be made out: {error}") from None

    def line_of(self, offset: int) -> int:
        """From 0."""
        return bisect_right(self.starts, offset) - 1

    def scalar(self, field: Field) -> tuple[int, int]:
        """Where the value of a field is written; an alias stands where it is used."""
        alias = _ALIAS.match(self.text, field.key.end_mark.index)
        if alias:
            return alias.span(1)
        start, end = field.value.start_mark.index, field.value.end_mark.index
        anchor = _ANCHOR.match(self.text, start)
        return (anchor.end() if anchor else start), end

    def changed(self, changes: Iterable[Change]) -> str:
        """The text with all changes made; two that agree are one."""
        text, before = self.text, len(self.text) + 1
        for change in sorted(set(changes), reverse=True):
            if change.end > before:
                line = self.line_of(change.start) + 1
                raise Failed(f"line {line} would have to say two things at once: write it out")
            text = text[: change.start] + change.text + text[change.end :]
            before = change.start
        return text


def fields_of(mapping: Any) -> list[Field]:
    return [Field(key, value) for key, value in mapping.value]


def field_of(mapping: Any, name: str) -> Field | None:
    return next((each for each in fields_of(mapping) if each.key.value == name), None)


def at(mapping: Any, name: str) -> Field:
    """A field that is known to be there."""
    field = field_of(mapping, name)
    if field is None:
        raise Failed(f"`{name}` cannot be found in this file")
    return field
