"""Removes a rollout from a policy's text, with the comments that belong to it.

- These belong to it: comments in it and behind it, more indented comments, and comments directly
  above it. Comments at the top of a file are about the file.
- With the last rollout, the section is removed.
- Of two empty lines that would follow each other, one is removed.
"""

from __future__ import annotations

import re

from policies.basics.untyped import Parsed
from router.settle.source import SourceText, TextEdit, at, fields_of
from router.terminal.errors import Failed

_DASH = re.compile(r"[ \t]*-(?:\s|$)")
_REST_OF_LINE = re.compile(r"[ \t]*,?[ \t]*(?:#[^\r\n]*)?(?=[\r\n]|$)")
_COMMA = re.compile(r"[ \t]*,[ \t]*")


def removal(source: SourceText, index: int) -> list[TextEdit]:
    """Return the changes that remove `rollouts[index]`."""
    section = at(source.root, "rollouts")
    items = section.value.value
    if len(items) > 1:
        inner, entries, position = section.value, [(item, item) for item in items], index
    else:
        inner, entries = source.root, [(item.key, item.value) for item in fields_of(source.root)]
        position = next(n for n, (key, _) in enumerate(entries) if key is section.key)
    _refuse_aliases(section.key.end_mark.index, [section.value, *items])
    if inner.flow_style:
        spans = [(key.start_mark.index, value.end_mark.index) for key, value in entries]
        return _in_flow(source, spans, position)
    after = section.key.end_mark.index
    later = [item.key for item in fields_of(source.root) if item.key.start_mark.index > after]
    bound = source.line_of(later[0].start_mark.index) if later else len(source.lines)
    if inner is source.root:
        return _in_block(source, section.key.start_mark.line, section.key.start_mark.column, bound)
    first = _dash_line(source, items[index])
    if index + 1 < len(items):
        bound = _dash_line(source, items[index + 1])
    return _in_block(source, first, source.lines[first].index("-"), bound)


def _refuse_aliases(begin: int, nodes: list[Parsed]) -> None:
    """Refuse rollouts that are written with aliases, since their text is elsewhere."""
    if any(node.start_mark.index < begin for node in nodes):
        raise Failed("the rollouts are written with aliases (`*name`): remove this one by hand")


def _dash_line(source: SourceText, item: Parsed) -> int:
    """Return the line where an item of a list starts; its value may start in a later one."""
    line: int = item.start_mark.line
    while not _DASH.match(source.lines[line]):
        line -= 1
    return line


def _in_block(source: SourceText, first: int, column: int, bound: int) -> list[TextEdit]:
    """Return the change for whole lines: from the entry's first to its last before `bound`."""
    lines = source.lines
    last = bound - 1
    while last > first and _is_between(lines[last], column):
        last -= 1
    return _without_lines(source, _with_comments_above(lines, first, column), last)


def _in_flow(source: SourceText, spans: list[tuple[int, int]], position: int) -> list[TextEdit]:
    """Return the change for an entry between commas, or on its own lines."""
    start, end = spans[position]
    is_last = position == len(spans) - 1
    line = source.line_of(start)
    rest = _REST_OF_LINE.match(source.text, end)
    changes = []
    comma = _COMMA.match(source.text, end)
    if is_last and not comma and position:
        before = _COMMA.match(source.text, spans[position - 1][1])
        changes = [TextEdit(*before.span(), "")] if before else []
    if rest and not source.text[source.starts[line] : start].strip():
        column = start - source.starts[line]
        first = _with_comments_above(source.lines, line, column)
        return changes + _without_lines(source, first, source.line_of(end - 1))
    return [*changes, TextEdit(start, comma.end() if comma else end, "")]


def _is_between(line: str, column: int) -> bool:
    """Return whether a line after an entry is empty, or a comment on what follows."""
    text = line.strip()
    return not text or (text.startswith("#") and _indent(line) <= column)


def _with_comments_above(lines: list[str], first: int, column: int) -> int:
    top = first
    while top and lines[top - 1].lstrip().startswith("#") and _indent(lines[top - 1]) <= column:
        top -= 1
    return top or first


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _without_lines(source: SourceText, first: int, last: int) -> list[TextEdit]:
    lines = source.lines
    is_end = last + 1 == len(lines)
    if first and not lines[first - 1].strip():
        if is_end:
            first -= 1
        elif not lines[last + 1].strip():
            last += 1
    return [TextEdit(source.starts[first], source.starts[last + 1], "")]
