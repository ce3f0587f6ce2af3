"""Translates the patterns of other routers, which this language would match literally.

- Other routers write `/api/*`, `/users/{id}`, `/users/:id`, `/files/<path:name>`,
  `/blog/[slug]`, or an expression, where this language has `prefix` or `regex`.
- `meant_path` returns the equivalent condition for such a path, and `meant_value` the
  expression for a value. Both return None for text that is not a pattern.
- Paths are normalised before: some characters of patterns are percent-encoded.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pydantic_core import PydanticCustomError

from policies.basics.regex_compiler import PatternError, compile_pattern

ONE = "[^/]+"  # a segment
_REST = "(/.*)?"

_ENCODED = {"%7B": "{", "%7D": "}", "%3C": "<", "%3E": ">", "%5B": "[", "%5D": "]"}
_ENCODED |= {"%5E": "^", "%7C": "|"}
_ANY_ENCODED = re.compile("|".join(_ENCODED))
# Text without one of these is not a pattern; nearly all paths are without.
_SUSPICIOUS = re.compile(r"[*(+{<\[]|\$$|/:|%7B|%3C|%5B")
_NAME = r"[A-Za-z_][A-Za-z0-9_-]*"
_NUMBERS = ("int", "integer", "long", "number", "digits")
# Segments that match the whole rest of a path.
_REMAINDER = re.compile(
    rf"\*\*?(?:{_NAME})?|\{{\*{{1,2}}{_NAME}\}}|\{{{_NAME}(?:\.\.\.|\*|:path|:\.[*+])\}}"
    rf"|<path:{_NAME}>|\[\.\.\.{_NAME}\]|:{_NAME}(?:[*+]|\(\.[*+]\))"
)
_HOLE = re.compile(rf"\{{({_NAME})(?::([^{{}}]*(?:\{{[0-9,]+\}}[^{{}}]*)*))?\??\}}")  # {id}, {id:…}
_WHOLE = re.compile(rf":{_NAME}\??(?:\(([^()]+)\))?|<(?:({_NAME}):)?{_NAME}>|\[{_NAME}\]")
# Found only in regular expressions.
_EXPRESSION = re.compile(r"\.[*+]|\[[^\]/]*\][*+{]|\[[^\]/]+-[^\]/]+\]|\([^()]*[|*+][^()]*\)|\(\?")
_PART = re.compile(r"[A-Za-z0-9]\*")
_SPECIAL = re.compile(r"[.+*?()\[\]{}|^$\\]")


def looks_like_expression(text: str) -> bool:
    return _EXPRESSION.search(text) is not None


class Meant(NamedTuple):
    kind: str
    text: str


def meant_path(kind: str, path: str) -> Meant | None:
    """Return the condition for an `exact` path or a `prefix`; None if it is not a pattern."""
    if not _SUSPICIOUS.search(path):
        return None
    text = _ANY_ENCODED.sub(lambda found: _ENCODED[found[0]], path)
    anchored = text.endswith("$") and text[-2:-1].isalnum()
    if not _HOLE.search(text) and (anchored or _EXPRESSION.search(text)):
        return _from_expression(kind, text.removesuffix("$"), anchored)
    return _from_template(kind, text.split("/")[1:])


def _from_expression(kind: str, text: str, anchored: bool) -> Meant:
    for end in ("(/.*)?", "/(.*)", "/.*", "(.*)", ".*"):
        literal = text.removesuffix(end)
        if literal != text and not _SPECIAL.search(literal):
            return Meant("prefix", literal or "/")
    if not _SPECIAL.search(text):
        return Meant("exact", text)
    return _expression(text + (_REST if kind == "prefix" and not anchored else ""))


def _from_template(kind: str, segments: list[str]) -> Meant | None:
    parts = [_segment(segment) for segment in segments]
    rest = _REMAINDER.fullmatch(segments[-1]) is not None
    if rest:
        parts.pop()
    elif _PART.fullmatch(segments[-1][-2:]) and "*" not in segments[-1][:-1]:
        rest, parts[-1] = True, _segment(segments[-1][:-1])  # `/api*`
    literal = all(part is None for part in parts)
    names = segments[: len(parts)]
    if literal and not rest:
        return None
    ends = not rest and "*" in segments[-1]  # `*.pdf`
    if literal:
        names[-1:] = [name.removesuffix("*") for name in names[-1:]]
        return Meant("prefix", "/" + "/".join(names))
    text = "".join(f"/{part or escaped(name)}" for part, name in zip(parts, names, strict=True))
    return _expression(text + (_REST if rest or (kind == "prefix" and not ends) else ""))


def _segment(text: str) -> str | None:
    """Return the expression for a segment; None if it is literal."""
    if _REMAINDER.fullmatch(text):
        return ".*" if text.startswith("**") else ONE
    if whole := _WHOLE.fullmatch(text):
        return whole[1] or _typed(whole[2])
    pieces, at = list[str](), 0
    for hole in re.finditer(rf"{_HOLE.pattern}|\*", text):
        pieces += [escaped(text[at : hole.start()]), _typed(hole[2]) if hole[1] else "[^/]*"]
        at = hole.end()
    return "".join(pieces) + escaped(text[at:]) if pieces else None


def _typed(kind: str | None) -> str:
    """Return the expression of a placeholder, or of its type."""
    if kind in _NUMBERS:
        return "[0-9]+"
    return ONE if kind is None or re.fullmatch(_NAME, kind) else f"({kind})"


def escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)


def _expression(text: str) -> Meant:
    """Return the expression; `…` if it is invalid, since an expression was intended."""
    try:
        compile_pattern(text)
    except (PatternError, PydanticCustomError):
        return Meant("regex", "…")
    return Meant("regex", text)


def meant_value(value: str) -> str | None:
    """Return the intended expression for the value of a header or query parameter; None if it is
    not a pattern."""
    text = value.removeprefix("^").removesuffix("$")
    if text != value and not (value.startswith("^") or _EXPRESSION.search(text)):
        text = value  # a `$` at the end, and nothing else
    if text != value or _EXPRESSION.search(value):
        return _expression(text).text
    if value in ("*", "**"):
        return ".*"
    if len(value) > 2 and value.count("*") == 1 and value[-1] == "*" and value[-2] != "/":
        return f"{escaped(value[:-1])}.*"
    return None
