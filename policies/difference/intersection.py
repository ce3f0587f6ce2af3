"""Finds whether a text can match two regular expressions, and examples for one.

Both walk automata (`basics/regex.py`) breadth first, so examples are as short as possible;
each pair of positions is visited once, at most 250 times 250.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from policies.basics.regex import Class, Program, Step, holds, reach

# The preferred characters of an example.
_LIKED = "a1bcxyz023456789-_ABCXYZ./~%:@!$&'()*+,;= "


def have_common_text(first: Program, second: Program) -> bool:
    """Return whether a text matches both."""
    a, b = (*first.steps, ""), (*second.steps, "")
    ahead = deque((p, q) for p in reach(a, [0]) for q in reach(b, [0]))
    seen = set(ahead)
    while ahead:
        p, q = ahead.popleft()
        if a[p] == "" and b[q] == "":
            return True
        if _overlap(_characters(first, a[p]), _characters(second, b[q])):
            for pair in ((x, y) for x in reach(a, [p + 1]) for y in reach(b, [q + 1])):
                if pair not in seen:
                    seen.add(pair)
                    ahead.append(pair)
    return False


def _characters(program: Program, step: Step) -> Class:
    """Return the characters that a step accepts; empty at the end."""
    if isinstance(step, int):
        return program.classes[step]
    return (ord(step), ord(step) + 1) if isinstance(step, str) and step else ()


def _overlap(one: Class, other: Class) -> bool:
    return any(
        max(low, start) < min(high, end)
        for low, high in zip(one[::2], one[1::2], strict=True)
        for start, end in zip(other[::2], other[1::2], strict=True)
    )


def example_of(program: Program, beginning: str = "") -> str | None:
    """Return a short text that matches and has the prefix; None if there is none."""
    steps: Sequence[Step] = (*program.steps, "")
    positions: Iterable[int] = reach(steps, [0])
    for char in beginning:
        taking = [p for p in positions if _takes(program, steps[p], char)]
        positions = reach(steps, [p + 1 for p in taking])
    ahead = deque((position, beginning) for position in sorted(positions))
    seen = set(positions)
    while ahead:
        position, text = ahead.popleft()
        if steps[position] == "":
            return text
        char = _liked(_characters(program, steps[position]))
        for following in sorted(reach(steps, [position + 1]) - seen):
            seen.add(following)
            ahead.append((following, text + char))
    return None


def _takes(program: Program, step: Step, char: str) -> bool:
    char_class = _characters(program, step)
    return bool(char_class) and holds(char_class, char)


def _liked(char_class: Class) -> str:
    return next((char for char in _LIKED if holds(char_class, char)), chr(char_class[0]))
