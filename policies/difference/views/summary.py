"""What a difference changes of the behaviour, for one line: every field that differs is named.

Fields are as in `routes.yaml`. Those of parts with names, such as routes, are gathered: once for
all parts in which they differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from policies.difference.views.change import Change, Kind
from policies.difference.views.texts import NOUNS

KEYS = ("auth", "keys")
SHOWN = 3  # names; of more only the number is told
# Fields of a route that hold others, which are told by themselves.
HOLDERS = (("filters",),)


class Aspect(NamedTuple):
    """`field`: "" for whole parts that are new or gone; `noun`: "" for what the policy has once."""

    field: str
    noun: str
    kind: Kind
    names: tuple[str, ...]

    def text(self) -> str:
        if not self.noun:
            return self.field
        what = self.noun if self.kind != "added" else f"new {self.noun}"
        parts = _parts(what, self.names)
        if self.field:
            return f"{self.field} of {parts}"
        return f"{parts} gone" if self.kind == "removed" else parts


def aspects(changes: Iterable[Change]) -> list[Aspect]:
    """Return what changes, in the order of the changes."""
    found: dict[tuple[str, str, Kind], dict[str, None]] = {}
    places = ((change, place) for change in changes for place in _places(change))
    for change, (field, noun, name) in places:
        kind: Kind = "changed" if field else change.kind
        found.setdefault((field, noun, kind), {})[name] = None
    return [Aspect(*place, tuple(filter(None, names))) for place, names in found.items()]


def _places(change: Change) -> Iterator[tuple[str, str, str]]:
    """Of each field that differs; of a holder that is new or gone, those that it holds."""
    if change.path[2:] in HOLDERS and change.path[0] in NOUNS:
        for field in {**(change.before or {}), **(change.after or {})}:
            yield _place((*change.path, field))
    else:
        yield _place(change.path)


def _place(path: tuple[str, ...]) -> tuple[str, str, str]:
    """The field, the noun of the part that has it, and the part's name."""
    if path == ("routes",):
        return "order of routes", "", ""
    if path[:2] == KEYS:
        return ".".join(path[3:4]), "key", path[2]
    if path[0] in NOUNS:
        return _field(path[2:]), NOUNS[path[0]], path[1]
    return ".".join(path[:2]), "", ""


def _field(path: tuple[str, ...]) -> str:
    return path[1] if path[:1] in HOLDERS and path[1:] else "".join(path[:1])


def _parts(noun: str, names: tuple[str, ...]) -> str:
    if len(names) > SHOWN:
        return f"{len(names)} {noun}s"
    return f"{noun}{'s' * (len(names) > 1)} {', '.join(names)}"
