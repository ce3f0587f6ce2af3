"""What values that came as JSON may be: types, of lists and mappings also of what is within them.

Entries are told apart by the types of their values, which are taken in one call. Of a list or
mapping with the types of one before only what is within it is looked at again.
"""

from __future__ import annotations

from typing import Any

Types = tuple[type, ...]
NOTHING = type(None)
LISTS: frozenset[type] = frozenset({list, tuple})  # JSON has no tuples, Python's tables may
MAPPINGS: frozenset[type] = frozenset({dict})
MOST_KNOWN = 1_000  # orders of names and types that a mapping is known to have


class Kind:
    """What a value may be. `types`: its own, without what is within it; `is_flat`: nothing is
    within it."""

    types: frozenset[type]
    is_flat = False

    def fits(self, value: Any) -> bool:
        raise NotImplementedError

    def of(self, type_: type) -> Kind:
        """The same for a value of which the type is known."""
        return self


class One(Kind):
    """A value of one of these types."""

    is_flat = True

    def __init__(self, *types: type) -> None:
        self.types = frozenset(types)

    def fits(self, value: Any) -> bool:
        return type(value) in self.types


class Word(Kind):
    """Just this text."""

    types = frozenset({str})

    def __init__(self, text: str) -> None:
        self._text = text

    def fits(self, value: Any) -> bool:
        return bool(value == self._text)


class Maybe(Kind):
    """A value of that kind, or none."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self.types = kind.types | {NOTHING}

    def fits(self, value: Any) -> bool:
        return value is None or self._kind.fits(value)

    def of(self, type_: type) -> Kind:
        return One(NOTHING) if type_ is NOTHING else self._kind


class Either(Kind):
    """A value of one of these kinds, which have different types."""

    def __init__(self, *kinds: Kind) -> None:
        self._kinds = {each: kind for kind in kinds for each in kind.types}
        self.types = frozenset(self._kinds)

    def fits(self, value: Any) -> bool:
        kind = self._kinds.get(type(value))
        return kind is not None and kind.fits(value)

    def of(self, type_: type) -> Kind:
        return self._kinds[type_]


class Each(Kind):
    """A list of any number of entries of one kind."""

    types = LISTS

    def __init__(self, entry: Kind) -> None:
        self._entry = entry
        self._deep = {each for each in entry.types if not entry.of(each).is_flat}

    def fits(self, value: Any) -> bool:
        if type(value) not in LISTS or not self._entry.types.issuperset(map(type, value)):
            return False
        if not self._deep or not value:
            return True
        return all(map(self._entry.fits, [each for each in value if type(each) in self._deep]))


class Named(Kind):
    """Entries of one kind by name."""

    types = MAPPINGS

    def __init__(self, entry: Kind) -> None:
        self._each = Each(entry)

    def fits(self, value: Any) -> bool:
        return type(value) is dict and self._each.fits([*value.values()])


class Row(Kind):
    """A list of just these entries."""

    types = LISTS

    def __init__(self, *entries: Kind) -> None:
        self._entries = entries
        self._known: dict[Types, list[tuple[int, Kind]]] = {}

    def fits(self, value: Any) -> bool:
        if type(value) not in LISTS:
            return False
        types = tuple(map(type, value))
        within = self._known.get(types)
        if within is None:
            if not _are_of(types, self._entries):
                return False
            found = zip(types, self._entries, strict=True)
            within = self._known[types] = [
                (at, kind.of(each))
                for at, (each, kind) in enumerate(found)
                if not kind.of(each).is_flat
            ]
        return not within or all(kind.fits(value[at]) for at, kind in within)


class ByName(Kind):
    """A list whose first entry says what it is."""

    types = LISTS

    def __init__(self, rows: dict[str, Row]) -> None:
        self._rows = rows

    def fits(self, value: Any) -> bool:
        name = value[0] if type(value) in LISTS and value else None
        row = self._rows.get(name) if type(name) is str else None
        return row is not None and row.fits(value)


class Table(Kind):
    """A mapping with just these names, of which some may be left out."""

    types = MAPPINGS

    def __init__(self, entries: dict[str, Kind], may_have: dict[str, Kind] | None = None) -> None:
        self._entries = entries
        self._all = entries | (may_have or {})
        self._known: dict[tuple[tuple[str, ...], Types], list[tuple[str, Kind]]] = {}

    def fits(self, value: Any) -> bool:
        if type(value) is not dict:
            return False
        names, types = tuple(value), tuple(map(type, value.values()))
        within = self._known.get((names, types))
        if within is None:
            if not (self._entries.keys() <= value.keys() <= self._all.keys()):
                return False
            kinds = [self._all[name] for name in names]
            if not _are_of(types, kinds):
                return False
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            found = {n: self._all[n].of(each) for n, each in zip(names, types, strict=True)}
            within = [(name, kind) for name, kind in found.items() if not kind.is_flat]
            self._known[names, types] = within
        return not within or all(kind.fits(value[name]) for name, kind in within)


def _are_of(types: Types, kinds: Any) -> bool:
    return len(types) == len(kinds) and all(
        each in kind.types for each, kind in zip(types, kinds, strict=True)
    )
