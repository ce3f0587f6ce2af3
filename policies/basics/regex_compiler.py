r"""Compiles regular expressions to automata without backtracking.

- The syntax is RE2's. `.` takes any character, `\d \w \s` and `(?i)` are ASCII only, and lazy
  repeats are accepted.
- Syntax that no automaton can match (look-around, backreferences) is refused, never approximated,
  with the place in the pattern and a hint. So are patterns with too many steps.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from string import ascii_lowercase
from typing import NoReturn

from policies.basics.regex import Class, Program, Step, holds

MAX_PATTERN = 2_000  # characters
MAX_STEPS = 250  # what a character can cost
MAX_REPEAT = 1_000  # RE2's bound
MAX_NESTING = 50  # groups within groups; the compiler recurses


class PatternError(Exception):
    """Why a pattern is refused, at which character (from 0), and how to mend it."""

    def __init__(self, message: str, position: int, hint: str) -> None:
        super().__init__(message)
        self.message, self.position, self.hint = message, position, hint


@lru_cache(maxsize=256)  # it is checked, then compiled; some megabytes at worst
def compile_pattern(pattern: str) -> Program:
    """Return the program of a pattern. Raises only `PatternError`."""
    return _Compiler(pattern).program()


def _one(char: str) -> Class:
    return ord(char), ord(char) + 1


def _inverse(char_class: Class) -> Class:
    return tuple(sorted({*char_class} ^ {0, 0x110000}))


def _union(classes: Iterable[Class]) -> Class:
    edges: list[int] = []
    pairs = [
        pair
        for char_class in classes
        for pair in zip(char_class[::2], char_class[1::2], strict=True)
    ]
    for low, high in sorted(pairs):
        if edges and low <= edges[-1]:
            edges[-1] = max(edges[-1], high)
        else:
            edges += (low, high)
    return tuple(edges)


def _folded(char_class: Class) -> Class:
    """Return the class with both cases of each ASCII letter in it."""
    pairs = [(c, c.upper()) for c in ascii_lowercase]
    held = [pair for pair in pairs if any(holds(char_class, char) for char in pair)]
    return _union([char_class, *(_one(char) for pair in held for char in pair)])


_DIGIT = (0x30, 0x3A)
_WORD = _union([_DIGIT, (0x41, 0x5B), _one("_"), (0x61, 0x7B)])
_SPACE = _union([(0x09, 0x0E), _one(" ")])
_ESCAPES: dict[str, Class] = {
    **dict(zip("dws", (_DIGIT, _WORD, _SPACE), strict=True)),
    **dict(zip("DWS", map(_inverse, (_DIGIT, _WORD, _SPACE)), strict=True)),
    **{name: _one(char) for name, char in zip("afnrtv", "\a\f\n\r\t\v", strict=True)},
}
_ANY = (0, 0x110000)
_CODE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|x\{([0-9A-Fa-f]{1,6})\})")
_GROUP = re.compile(r"\((?:\?:|\?P?<[A-Za-z_][A-Za-z0-9_]*>|(?!\?))")
_BOUNDS = re.compile(r"(?:[*+?]|\{([0-9]+)(,([0-9]*))?\})\??")
_REPEATS = {"*": (0, None), "+": (1, None), "?": (0, 1), "{": (0, 0)}  # `{` has its own bounds

# Syntax that is refused, why, and how to mend it.
_REFUSED = (
    (r"\(\?<?[=!]", "look-around is not supported", "match the text itself, or use two routes"),
    (r"\\[0-9k]|\(\?P=", "backreferences are not supported", "write the group out again"),
    (r"\\[bB]", "word boundaries are not supported", "match what stands around the word"),
    (r"\\[AGZz]|[$^]", "there is an anchor inside", "leave it out: the whole text is matched"),
    (r"\\[pPX]", "Unicode classes are not supported", "write ranges, such as `[a-zà-ÿ]`"),
    (r"\\[xu]", "this is no code of a character", r"write it like `\x2F` or `\u002F`"),
    (r"\\[A-Za-z]", "this escape is not known", r"leave out the backslash, or write `\\`"),
    (r"\\", "the pattern ends with a backslash", r"write `\\` for a backslash"),
    (r"\(\?>", "atomic groups are not supported", "write `(?:`: nothing backtracks anyway"),
    (r"\(\?i", "`(?i)` stands too late", "put it at the very beginning"),
    (r"\(\?P?<", "the group has a bad name", "name it like `(?P<user_id>`, or write `(?:`"),
    (r"\(", "this kind of group is not supported", "write `(?:`"),
    (r"\)", "no group is open here", r"write `\)` for a parenthesis"),
    (r"\{", "`{` does not begin a repeat here", r"write `\{` for a brace, `[^/]+` for a segment"),
    (r"\[", "character classes within classes are not supported", r"write `\[` for a bracket"),
    (
        "",
        "there is nothing here that could be repeated",
        "write a backslash before the character itself; repeats need not be possessive",
    ),
)


class _Compiler:
    """A recursive descent. The steps of each part are relative, so they fit anywhere."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._fold = pattern.startswith("(?i)")
        self._at = 4 * self._fold
        self._classes: dict[Class, int] = {}

    def program(self) -> Program:
        if len(self._pattern) > MAX_PATTERN:
            raise PatternError("the pattern is too long", MAX_PATTERN, "use several shorter ones")
        steps = self._alternatives(0)
        if self._peek():
            self._refuse(self._at)
        return Program(self._pattern, tuple(steps), tuple(self._classes))

    def _refuse(self, at: int) -> NoReturn:
        rest = self._pattern[at:]
        message, hint = next(row[1:] for row in _REFUSED if re.match(row[0], rest))
        raise PatternError(message, at, hint)

    def _peek(self, width: int = 1) -> str:
        return self._pattern[self._at : self._at + width]

    def _take(self, char: str) -> bool:
        taken = self._peek() == char
        self._at += taken
        return taken

    def _fit(self, size: int, at: int) -> None:
        if size > MAX_STEPS:
            message = f"the pattern needs more than {MAX_STEPS:,} steps"
            raise PatternError(message, at, "repeat less, or any number of times with `*`")

    def _alternatives(self, depth: int) -> list[Step]:
        start = self._at
        branches = [self._sequence(depth)]
        while self._take("|"):
            branches.append(self._sequence(depth))
        steps = branches.pop()
        for branch in reversed(branches):
            steps = [(1, len(branch) + 2), *branch, (len(steps) + 1,), *steps]
            self._fit(len(steps), start)
        return steps

    def _sequence(self, depth: int) -> list[Step]:
        steps: list[Step] = []
        if depth == 0:
            self._take("^")
        while self._peek() not in ("", "|", ")"):
            start = self._at
            if depth == 0 and self._peek(2) in ("$", "$|"):
                self._at += 1
                break
            atom = self._atom(depth)
            steps += self._repeated(atom, *self._bounds(), start)
            self._fit(len(steps), start)
        return steps

    def _repeated(self, atom: list[Step], low: int, high: int | None, at: int) -> list[Step]:
        size = len(atom) + 1
        self._fit(len(atom) * low + (size + 1 if high is None else size * (high - low)), at)
        if high is not None:
            rest = [step for left in range(high - low, 0, -1) for step in ((1, left * size), *atom)]
            return atom * low + rest
        again: list[Step] = [*atom, (1 - size, 1)]
        return atom * (low - 1) + again if low else [(1, size + 1), *again]

    def _bounds(self) -> tuple[int, int | None]:
        """Return the least and the most number of repeats."""
        at, char = self._at, self._peek()
        if char not in _REPEATS:
            return 1, 1
        low, high = _REPEATS[char]
        match = _BOUNDS.match(self._pattern, at)
        if match is None:
            self._refuse(at)
        if char == "{":
            low = int(match[1])
            high = low if match[2] is None else int(match[3]) if match[3] else None
        if max(low, high or 0) > MAX_REPEAT or (high is not None and high < low):
            message = f"a repeat takes from 0 to {MAX_REPEAT:,} times, the lower number first"
            raise PatternError(message, at, "mend the numbers")
        self._at = match.end()
        if self._peek() in _REPEATS:
            self._refuse(self._at)
        return low, high

    def _atom(self, depth: int) -> list[Step]:
        char = self._peek()
        if char == "(":
            return self._group(depth)
        if char in _REPEATS or char in "^$":
            self._refuse(self._at)
        if char == "[":
            return self._step(self._set())
        if char == ".":
            self._at += 1
            return self._step(_ANY)
        return self._step(self._member())

    def _step(self, char_class: Class) -> list[Step]:
        char_class = _folded(char_class) if self._fold else char_class
        if len(char_class) == 2 and char_class[1] - char_class[0] == 1:
            return [chr(char_class[0])]
        return [self._classes.setdefault(char_class, len(self._classes))]

    def _group(self, depth: int) -> list[Step]:
        at, match = self._at, _GROUP.match(self._pattern, self._at)
        if match is None:
            self._refuse(at)
        if depth == MAX_NESTING:
            raise PatternError("too many groups within groups", at, "leave some out")
        self._at = match.end()
        steps = self._alternatives(depth + 1)
        if not self._take(")"):
            raise PatternError("this group is never closed", at, r"add `)`, or write `\(`")
        return steps

    def _set(self) -> Class:
        at = self._at
        self._at += 1
        inverted = self._take("^")
        members: list[Class] = []
        while not members or self._peek() != "]":
            if not self._peek():
                raise PatternError("this class is never closed", at, r"add `]`, or write `\[`")
            if re.match(r"\[[:.=]", self._peek(2)):
                self._refuse(self._at)
            members.append(self._range())
        self._at += 1
        char_class = _folded(_union(members)) if self._fold else _union(members)
        return _inverse(char_class) if inverted else char_class

    def _range(self) -> Class:
        at, low = self._at, self._member()
        if self._peek() != "-" or self._peek(2) in ("-", "-]"):
            return low
        self._at += 1
        high = self._member()
        if high[0] < low[0] or low[1:] != (low[0] + 1,) or high[1:] != (high[0] + 1,):
            message = "a range goes from a character to a later one"
            raise PatternError(message, at, r"put the lower first, or write `\-` for a hyphen")
        return low[0], high[1]

    def _member(self) -> Class:
        """Return a character, or the class of an escape."""
        at, char = self._at, self._peek()
        self._at += 1
        if char != "\\":
            return _one(char)
        if match := _CODE.match(self._pattern, at):
            code = int(match[1] or match[2] or match[3], 16)
            if code > 0x10FFFF or 0xD800 <= code < 0xE000:
                self._refuse(at)
            self._at = match.end()
            return code, code + 1
        char = self._peek()
        if not char or (char.isascii() and char.isalnum() and char not in _ESCAPES):
            self._refuse(at)
        self._at += 1
        return _ESCAPES.get(char) or _one(char)
