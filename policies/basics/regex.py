"""Regular expressions without backtracking: the automaton and its matcher.

- A program is Thompson's automaton (1968). A step is a character or the number of a class, and
  leads to the next step; or it is the distances to the steps that go on in its place. Past the last
  step the text has matched.
- A matcher makes it deterministic as far as texts need it (Cox 2007): a look-up for each character,
  at worst a look at every step. What it remembers for that is bounded, for all matchers of a policy
  together. A literal beginning of a pattern is compared at once, and needs no memory.
- The whole text must match, as in Envoy's `safe_regex`. A text of more than 4,096 characters
  matches nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

MAX_TEXT = 4_096  # characters; with the bound on steps, what a match can cost
MAX_REMEMBERED = 100_000  # positions and transitions of all matchers together, some 7 MB

Step = str | int | tuple[int, ...]
# A set of characters: the code points where it begins, ends, begins again, and so on.
Class = tuple[int, ...]


class Program(NamedTuple):
    """A compiled pattern."""

    pattern: str
    steps: tuple[Step, ...]
    classes: tuple[Class, ...]

    @property
    def size(self) -> int:
        """The memory that it takes: its steps, and the edges of its classes."""
        return len(self.steps) + sum(map(len, self.classes))


def literal_prefix(program: Program) -> str:
    """Return the longest text that every match begins with; "" if case does not matter."""
    return _literal_beginning(program)[0]


def _literal_beginning(program: Program) -> tuple[str, frozenset[int]]:
    """Return the literal prefix, and the positions after it."""
    prefix, steps = "", (*program.steps, "")
    positions = reach(steps, [0])
    while not program.pattern.startswith("(?i)"):
        char, *others = {steps[position] for position in positions}
        if others or not char or not isinstance(char, str):
            break
        prefix += char
        positions = reach(steps, [position + 1 for position in positions])
    return prefix, positions


def reach(steps: Sequence[Step], starts: Iterable[int]) -> frozenset[int]:
    """Return the positions after `starts` that take a character or end the match."""
    seen: set[int] = set()
    ahead = list(starts)
    while ahead:
        position = ahead.pop()
        if position not in seen:
            seen.add(position)
            step = steps[position]
            if type(step) is tuple:
                ahead += [position + distance for distance in step]
    return frozenset([position for position in seen if type(steps[position]) is not tuple])


def can_match(program: Program, first: str, then: str) -> bool:
    """Return whether it matches any text of these characters that begins with one of `first`."""
    steps, chars = (*program.steps, ""), first
    ahead, seen = [*reach(steps, [0])], set[int]()
    while ahead:
        nexts = [position + 1 for position in ahead if _takes(program, steps[position], chars)]
        ahead = [position for position in reach(steps, nexts) if position not in seen]
        seen.update(ahead)
        chars = then
    return len(program.steps) in seen


def _takes(program: Program, step: Step, chars: str) -> bool:
    if isinstance(step, int):
        return any(holds(program.classes[step], char) for char in chars)
    return isinstance(step, str) and step != "" and step in chars


class _State(dict[str, "_State"]):
    """The positions after some texts. The state after a character is found when it is needed."""

    __slots__ = ("accepts", "matcher", "positions")

    def __init__(self, matcher: Matcher, positions: frozenset[int], accepts: bool) -> None:
        self.matcher, self.positions, self.accepts = matcher, positions, accepts

    def __missing__(self, char: str) -> _State:
        return self.matcher.advance(self, char)


class Memory:
    """Bounds what all matchers remember together. When it is full, all of them forget."""

    __slots__ = ("_matchers", "held")

    def __init__(self) -> None:
        self.held = 0
        self._matchers: set[Matcher] = set()

    def hold(self, matcher: Matcher, size: int) -> None:
        self.held += size
        self._matchers.add(matcher)

    def make_room(self) -> None:
        if self.held > MAX_REMEMBERED:
            for matcher in self._matchers:
                matcher.forget()
            self._matchers.clear()
            self.held = 0


class Matcher:
    """Matches whole texts against a program."""

    __slots__ = (
        "_classes",
        "_dead",
        "_memory",
        "_prefix",
        "_program",
        "_start",
        "_states",
        "_steps",
    )

    def __init__(self, program: Program, memory: Memory | None = None) -> None:
        self._program = program
        self._prefix: str | None = None
        self._steps = (*program.steps, "")  # at the end, no character is taken
        self._classes = program.classes
        self._memory = memory or Memory()
        self._dead = _State(self, frozenset(), accepts=False)
        self._start = self._dead
        self._states: dict[frozenset[int], _State] = {}

    def matches(self, text: str) -> bool:
        prefix = self._prefix
        if prefix is None:
            prefix = self._prepare()
        if len(text) > MAX_TEXT or not text.startswith(prefix):
            return False
        state, dead = self._start, self._dead
        for char in text[len(prefix) :]:
            state = state[char]
            if state is dead:
                return False
        return state.accepts

    @property
    def beginning(self) -> str:
        """What every matching text begins with."""
        return self._prepare() if self._prefix is None else self._prefix

    def _prepare(self) -> str:
        """Prepare for the first text, not earlier: many patterns of a policy are never used."""
        prefix, positions = _literal_beginning(self._program)
        self._start = _State(self, positions, len(self._program.steps) in positions)
        self._states = {state.positions: state for state in (self._start, self._dead)}
        self._prefix = prefix
        return prefix

    def advance(self, state: _State, char: str) -> _State:
        """Return the state after `char`, and remember it."""
        self._memory.make_room()
        steps, taking = self._steps, set[Step]((char,))
        taking.update([n for n, char_class in enumerate(self._classes) if holds(char_class, char)])
        nexts = [position + 1 for position in state.positions if steps[position] in taking]
        following = state[char] = self._state(reach(steps, nexts))
        self._memory.hold(self, 1)
        return following

    def _state(self, positions: frozenset[int]) -> _State:
        state = self._states.get(positions)
        if state is None:
            state = _State(self, positions, len(self._steps) - 1 in positions)
            self._states[positions] = state
            self._memory.hold(self, len(positions) + 1)
        return state

    def forget(self) -> None:
        """Begin anew, with the states that every text needs."""
        for state in self._states.values():
            state.clear()
        self._states = {state.positions: state for state in (self._start, self._dead)}


def holds(char_class: Class, char: str) -> bool:
    """Return whether a class has this character."""
    return bisect_right(char_class, ord(char)) % 2 == 1
