"""A policy's text, the YAML nodes in it, and changes of single places.

- A node knows its place, so a change touches only its characters; the layout is kept.
- Positions come from the parser of ruamel.yaml. `settling.py` checks the result of a change with
  the router's own reader.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate
from typing import NamedTuple

from policies.basics.untyped import Parsed
from router.terminal.errors import Failed

_ALIAS = re.compile(r"[ \t]*:[ \t]+(\*[^\s,\[\]{}]+)")
_ANCHOR = re.compile(r"&\S+\s+")


class TextEdit(NamedTuple):
    """Replaces the characters from `start` to `end` with `text`."""

    start: int
    end: int
    text: str


class YamlField(NamedTuple):
    """A key of a mapping, and its value."""

    key: Parsed
    value: Parsed


class SourceText:
    """The text of a valid policy."""

    def __init__(self, text: str) -> None:
        from ruamel.yaml import YAML  # takes longer to import than most commands to run
        from ruamel.yaml.error import YAMLError

        self.text = text
        self.lines = text.splitlines(keepends=True)
        self.starts = list(accumulate(map(len, self.lines), initial=0))
        self.line_end = "\r\n" if self.lines[0].endswith("\r\n") else "\n"
        reader = YAML(typ="rt", pure=True)
        reader.composer.warn_double_anchors = False  # the language allows them
        try:
            self.root = reader.compose(text)
        except YAMLError as error:
            raise Failed(f"the values of this file cannot be located: {error}") from None

    def line_of(self, offset: int) -> int:
        """From 0."""
        return bisect_right(self.starts, offset) - 1

    def scalar(self, field: YamlField) -> tuple[int, int]:
        """Return where the value of a field is written; an alias is at its place of use."""
        alias = _ALIAS.match(self.text, field.key.end_mark.index)
        if alias:
            return alias.span(1)
        start, end = field.value.start_mark.index, field.value.end_mark.index
        anchor = _ANCHOR.match(self.text, start)
        return (anchor.end() if anchor else start), end

    def changed(self, changes: Iterable[TextEdit]) -> str:
        """Return the text with all changes; equal changes of one place are one."""
        text, before = self.text, len(self.text) + 1
        for change in sorted(set(changes), reverse=True):
            if change.end > before:
                line = self.line_of(change.start) + 1
                raise Failed(f"line {line} would need two different values: write out its aliases")
            text = text[: change.start] + change.text + text[change.end :]
            before = change.start
        return text


def fields_of(mapping: Parsed) -> list[YamlField]:
    return [YamlField(key, value) for key, value in mapping.value]


def field_of(mapping: object, name: str) -> YamlField | None:
    return next((field for field in fields_of(mapping) if field.key.value == name), None)


def at(mapping: object, name: str) -> YamlField:
    """Return a field that must exist. Raises Failed if it is not found."""
    field = field_of(mapping, name)
    if field is None:
        raise Failed(f"`{name}` cannot be found in this file")
    return field
