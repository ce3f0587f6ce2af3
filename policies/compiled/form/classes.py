"""Kinds of values that have a class: how their fields are written and read.

- A named tuple is a list of its fields, in their order, without those at the end that have their
  defaults; a dataclass is a mapping. So nothing but a class knows a position.
- Rows are very many, so what is known of earlier ones is used: the types of all fields are looked
  up in one call, and only fields that are not yet what they should be are looked at again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from policies.basics.json import Json
from policies.compiled.form.kinds import Either, Kind, Reading, Types, Writing, refused
from policies.compiled.form.text import NoForm

MOST_KNOWN = 1_000  # orders of types that a row is known to have
NOTHING = object()  # what is shared is something


class Field:
    """A field of a class. `default` is none of its values if it has none."""

    __slots__ = ("default", "kind", "name")
    NONE = object()

    def __init__(self, name: str, kind: Kind, default: object = NONE) -> None:
        self.name, self.kind, self.default = name, kind, default

    @property
    def may_lack(self) -> bool:
        return self.default is not Field.NONE

    def is_left_out(self, value: object) -> bool:
        return self.may_lack and type(value) is type(self.default) and value == self.default


def _no_number(name: str) -> NoForm:
    return NoForm(f"nothing shared as `{name}` has such a number")


Places = list[tuple[int, Kind]]
SharedPlaces = list[tuple[int, str]]  # and their names


class Row(Kind):
    """A named tuple, or a plain one of these fields."""

    types: Types = frozenset({list})

    def __init__(self, cls: type[tuple[object, ...]], fields: Sequence[Field]) -> None:
        self.made = frozenset({cls})
        self.fields = fields
        self._name = cls.__name__
        self._make: Callable[[list[object]], object] = partial(tuple.__new__, cls)
        self._needs = sum(not each.may_lack for each in fields)
        self._known: dict[tuple[type, ...], tuple[Places, SharedPlaces]] = {}
        self._defaults = [
            [each.default for each in fields[length:]] for length in range(len(fields) + 1)
        ]

    def read(self, value: Json, reading: Reading) -> object:
        if type(value) is not list:
            raise refused(f"a {self._name}")
        types = tuple(map(type, value))
        known = self._known.get(types)
        if known is None:
            known = self._learn(types)
        deep, shared = known
        row: list[object] = [*value, *self._defaults[len(types)]]
        for at, kind in deep:
            row[at] = kind.read(value[at], reading)
        for at, name in shared:
            found = reading.shared[name].get(value[at], NOTHING)
            if found is NOTHING:
                raise _no_number(name)
            row[at] = found
        return self._make(row)

    def _learn(self, types: tuple[type, ...]) -> tuple[Places, SharedPlaces]:
        """The places of what is not yet as it should be, in values of these types: those that
        are to be read, and those of what is shared, which are most."""
        fits = self._needs <= len(types) <= len(self.fields) and all(
            each in field.kind.types for each, field in zip(types, self.fields, strict=False)
        )
        if not fits:
            raise refused(f"a {self._name}")
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        kinds = [
            _narrowed(field.kind, each) for field, each in zip(self.fields, types, strict=False)
        ]
        shared = [(at, kind.name) for at, kind in enumerate(kinds) if isinstance(kind, SharedKind)]
        deep = [
            (at, kind)
            for at, kind in enumerate(kinds)
            if not kind.is_flat and not isinstance(kind, SharedKind)
        ]
        self._known[types] = deep, shared
        return deep, shared

    def write(self, value: object, writing: Writing) -> Json:
        if type(value) not in self.made or not isinstance(value, tuple):
            raise TypeError(f"{type(value).__name__} where a {self._name} should be")
        length = len(value)
        while length and self.fields[length - 1].is_left_out(value[length - 1]):
            length -= 1
        pairs = zip(self.fields[:length], value, strict=False)
        return [field.kind.write(each, writing) for field, each in pairs]


def _narrowed(kind: Kind, type_: type) -> Kind:
    while isinstance(kind, Either):
        kind = kind.of(type_)
    return kind


class ByWord(Kind):
    """A named tuple of one of several classes, which its first field tells."""

    types: Types = frozenset({list})

    def __init__(self, rows: Mapping[str, Row]) -> None:
        self._rows = rows
        self._by_made = {each: row for row in rows.values() for each in row.made}
        self.made = frozenset(self._by_made)

    def read(self, value: Json, reading: Reading) -> object:
        word = value[0] if type(value) is list and value else None
        row = self._rows.get(word) if type(word) is str else None
        if row is None:
            raise refused("a list that begins with a word")
        return row.read(value, reading)

    def write(self, value: object, writing: Writing) -> Json:
        return self._by_made[type(value)].write(value, writing)


class Table(Kind):
    """A dataclass: its fields by their names, without those that have their defaults."""

    types: Types = frozenset({dict})

    def __init__(self, cls: type, fields: Sequence[Field]) -> None:
        self.made = frozenset({cls})
        self.cls, self.fields = cls, fields
        self.kinds = {each.name: each.kind for each in fields}
        self._needed = frozenset(each.name for each in fields if not each.may_lack)

    def check_names(self, value: Json) -> dict[str, Json]:
        """The entries of a value with just its names."""
        if type(value) is not dict:
            raise refused(f"a {self.cls.__name__}")
        for name in self._needed - value.keys():
            raise NoForm(f"`{name}` is missing")
        for name in value.keys() - self.kinds.keys():
            raise NoForm(f"`{name[:40]}` is nothing that a {self.cls.__name__} has")
        return value

    def read(self, value: Json, reading: Reading) -> object:
        found = self.check_names(value)
        made = {name: self.kinds[name].read(each, reading) for name, each in found.items()}
        return self.cls(**made)

    def write(self, value: object, writing: Writing) -> Json:
        if type(value) not in self.made:
            raise TypeError(f"{type(value).__name__} where a {self.cls.__name__} should be")
        return {
            field.name: field.kind.write(each, writing)
            for field in self.fields
            if not field.is_left_out(each := getattr(value, field.name))
        }


class Made(Kind):
    """What `make` makes of a value of another kind, which it has as its `spec`."""

    def __init__(self, cls: type, make: Callable[[object], object], spec: Kind) -> None:
        self.types, self.made = spec.types, frozenset({cls})
        self._make, self._spec = make, spec

    def read(self, value: Json, reading: Reading) -> object:
        return self._make(self._spec.read(value, reading))

    def write(self, value: object, writing: Writing) -> Json:
        return self._spec.write(getattr(value, "spec"), writing)  # noqa: B009


class SharedKind(Kind):
    """A value that stands under `name`, once for all that have it: its number there."""

    types: Types = frozenset({int})

    def __init__(self, name: str, kind: Kind) -> None:
        self.name, self.kind = name, kind
        self.made = kind.made

    def read(self, value: Json, reading: Reading) -> object:
        if type(value) is int and value in reading.shared[self.name]:
            return reading.shared[self.name][value]
        raise _no_number(self.name)

    def write(self, value: object, writing: Writing) -> Json:
        return writing.number(self.name, self.kind.write(value, writing))
