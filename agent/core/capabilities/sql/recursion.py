"""Recursion of a statement, bounded: `WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)`.

A running statement of SQLite cannot be stopped, so one that counts to a billion would block the
database, and locally the whole runtime. So each part of a WITH that refers to itself gets a LIMIT
of `MAX_RECURSION` + 1 rows; if the last of these is reached, the statement fails with an error of
SQLite that says `RUNAWAY`. It is never truncated silently. A statement below the limit has the same
result as before.

A part with a LIMIT of its own keeps it, if that is a lower number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from agent.core.capabilities.sql.tokens import Token
from agent.core.refused import Refused

MAX_RECURSION = 1_000_000
RUNAWAY = "rows of recursion"
_COUNT = f'"{RUNAWAY}"'
_REFERS = frozenset({"FROM", "JOIN", ",", "("})


class Part(NamedTuple):
    """Of a WITH: `name (columns) AS (body)`; places of tokens, `end` is the body's `)`."""

    name: str
    columns: str
    begin: int
    end: int


def bounded(text: str, tokens: Sequence[Token]) -> str:
    """The statement `text`, whose tokens these are, with its recursion bounded. Raises
    `Refused`."""
    edits = list[tuple[int, str]]()
    for at, token in enumerate(tokens):
        if token.word == "WITH":
            for part in _parts(text, tokens, at + 1):
                if _is_recursive(tokens, part) and not _has_limit(tokens, part):
                    edits += _edits(tokens, part)
    for place, more in sorted(edits, reverse=True):
        text = text[:place] + more + text[place:]
    return text


def _parts(text: str, tokens: Sequence[Token], at: int) -> list[Part]:
    """The parts of a WITH whose tokens begin at `at`; none if it is not a WITH."""
    parts = list[Part]()
    at += _word(tokens, at) == "RECURSIVE"
    while at < len(tokens) and tokens[at].is_name:
        name, columns = tokens[at].text, ""
        at += 1
        if _text(tokens, at) == "(":
            end = _closing(tokens, at)
            columns, at = text[tokens[at].place : tokens[end].place + 1], end + 1
        if _word(tokens, at) != "AS":
            break
        at += 1
        while _word(tokens, at) in ("NOT", "MATERIALIZED"):
            at += 1
        if _text(tokens, at) != "(":
            break
        end = _closing(tokens, at)
        parts.append(Part(name, columns, at + 1, end))
        if _text(tokens, end + 1) != ",":
            break
        at = end + 2
    return parts


def _is_recursive(tokens: Sequence[Token], part: Part) -> bool:
    name = _bare(part.name)
    return any(
        tokens[at].is_name
        and _bare(tokens[at].text) == name
        and (tokens[at - 1].word or tokens[at - 1].text) in _REFERS
        for at in range(part.begin, part.end)
    )


def _edits(tokens: Sequence[Token], part: Part) -> list[tuple[int, str]]:
    """The insertions: the body becomes a WITH of its own, whose rows are counted."""
    name, columns = part.name, part.columns
    chosen = columns[1:-1] if columns else "*"
    counted = f"SELECT *, count(*) OVER () AS {_COUNT} FROM {name}" if columns else name
    count = _COUNT if columns else f"(SELECT count(*) FROM {name})"
    path = f"CASE WHEN {count} > {MAX_RECURSION} THEN 'more {RUNAWAY}' ELSE '$' END"
    source = f"({counted})" if columns else counted
    check = f"json_extract('{{}}', {path}) IS NOT NULL"
    after = f"\nLIMIT {MAX_RECURSION + 1}\n) SELECT {chosen} FROM {source} WHERE {check}"
    return [
        (tokens[part.begin - 1].place + 1, f"WITH RECURSIVE {name}{columns} AS (\n"),
        (tokens[part.end].place, after),
    ]


def _has_limit(tokens: Sequence[Token], part: Part) -> bool:
    """Whether the body itself ends with a LIMIT that is small enough. Raises `Refused`."""
    depth = 0
    for at in range(part.begin, part.end):
        depth += (tokens[at].text == "(") - (tokens[at].text == ")")
        if depth == 0 and tokens[at].word == "LIMIT":
            number = _text(tokens, at + 1)
            is_small = number.isdigit() and int(number) <= MAX_RECURSION
            if is_small and at + 2 == part.end:
                return True
            raise Refused(
                f"a LIMIT of recursion is a whole number up to {MAX_RECURSION:,}, without OFFSET"
            )
    return False


def _closing(tokens: Sequence[Token], at: int) -> int:
    """The index of the parenthesis that closes the one at `at`; there always is one."""
    depth = 0
    for place in range(at, len(tokens)):
        depth += (tokens[place].text == "(") - (tokens[place].text == ")")
        if depth == 0:
            return place
    return len(tokens) - 1


def _bare(name: str) -> str:
    """A name as SQLite compares it: without quotes, and case-insensitive in ASCII."""
    quoted = name[0] in "'\"`["
    inner = name[1:-1].replace(name[-1] * 2, name[-1]) if quoted else name
    return "".join(c.lower() if c.isascii() else c for c in inner)


def _text(tokens: Sequence[Token], at: int) -> str:
    return tokens[at].text if at < len(tokens) else ""


def _word(tokens: Sequence[Token], at: int) -> str:
    return tokens[at].word if at < len(tokens) else ""
