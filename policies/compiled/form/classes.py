"""Kinds for classes: how instances and their fields are read and written.

- A named tuple is a JSON list of its fields in order, without trailing fields that have their
  defaults. A dataclass is a mapping. So only the class itself knows positions.
- A policy has very many rows. A row therefore remembers which fields need work for each sequence of
  types: the types of all fields are looked up in one call, and only those fields are read by
  themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from policies.basics.json import Json
from policies.compiled.form.kinds import Either, ReadState, Types, ValueKind, WriteState, refused
from policies.compiled.form.text import NoForm

MOST_KNOWN = 1_000  # sequences of types that a row remembers
NOTHING = object()  # is none of the shared values


class Field:
    """A field of a class. `default` is `Field.NONE` if it has none."""

    __slots__ = ("default", "kind", "name")
    NONE = object()

    def __init__(self, name: str, kind: ValueKind, default: object = NONE) -> None:
        self.name, self.kind, self.default = name, kind, default

    @property
    def may_lack(self) -> bool:
        return self.default is not Field.NONE

    def is_left_out(self, value: object) -> bool:
        return self.may_lack and type(value) is type(self.default) and value == self.default


def _no_number(name: str) -> NoForm:
    return NoForm(f"nothing shared as `{name}` has such a number")


Places = list[tuple[int, ValueKind]]
SharedPlaces = list[tuple[int, str]]  # the names of the shared values


class Row(ValueKind):
    """A named tuple, or a plain tuple with these fields."""

    json_types: Types = frozenset({list})

    def __init__(self, cls: type[tuple[object, ...]], fields: Sequence[Field]) -> None:
        self.value_types = frozenset({cls})
        self.fields = fields
        self._name = cls.__name__
        self._make: Callable[[list[object]], object] = partial(tuple.__new__, cls)
        self._needs = sum(not field.may_lack for field in fields)
        self._known: dict[tuple[type, ...], tuple[Places, SharedPlaces]] = {}
        self._defaults = [
            [field.default for field in fields[length:]] for length in range(len(fields) + 1)
        ]

    def read(self, value: Json, reading: ReadState) -> object:
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
        """Return the fields that need work in values of these types, by their positions: those to
        read with their kind, and the shared ones, which are most."""
        fits = self._needs <= len(types) <= len(self.fields) and all(
            type_ in field.kind.json_types for type_, field in zip(types, self.fields, strict=False)
        )
        if not fits:
            raise refused(f"a {self._name}")
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        kinds = [
            _narrowed(field.kind, type_) for field, type_ in zip(self.fields, types, strict=False)
        ]
        shared = [(at, kind.name) for at, kind in enumerate(kinds) if isinstance(kind, SharedKind)]
        deep = [
            (at, kind)
            for at, kind in enumerate(kinds)
            if not kind.is_flat and not isinstance(kind, SharedKind)
        ]
        self._known[types] = deep, shared
        return deep, shared

    def write(self, value: object, writing: WriteState) -> Json:
        if type(value) not in self.value_types or not isinstance(value, tuple):
            raise TypeError(f"{type(value).__name__} where a {self._name} should be")
        length = len(value)
        while length and self.fields[length - 1].is_left_out(value[length - 1]):
            length -= 1
        pairs = zip(self.fields[:length], value, strict=False)
        return [field.kind.write(item, writing) for field, item in pairs]


def _narrowed(kind: ValueKind, type_: type) -> ValueKind:
    while isinstance(kind, Either):
        kind = kind.of(type_)
    return kind


class ByWord(ValueKind):
    """A named tuple of one of several classes. Its first field says which."""

    json_types: Types = frozenset({list})

    def __init__(self, rows: Mapping[str, Row]) -> None:
        self._rows = rows
        self._by_value_type = {type_: row for row in rows.values() for type_ in row.value_types}
        self.value_types = frozenset(self._by_value_type)

    def read(self, value: Json, reading: ReadState) -> object:
        word = value[0] if type(value) is list and value else None
        row = self._rows.get(word) if type(word) is str else None
        if row is None:
            raise refused("a list that begins with a word")
        return row.read(value, reading)

    def write(self, value: object, writing: WriteState) -> Json:
        return self._by_value_type[type(value)].write(value, writing)


class Table(ValueKind):
    """A dataclass: its fields by name, without those that have their defaults."""

    json_types: Types = frozenset({dict})

    def __init__(self, cls: type, fields: Sequence[Field]) -> None:
        self.value_types = frozenset({cls})
        self.cls, self.fields = cls, fields
        self.kinds = {field.name: field.kind for field in fields}
        self._needed = frozenset(field.name for field in fields if not field.may_lack)

    def check_names(self, value: Json) -> dict[str, Json]:
        """Return `value` if it is a mapping with all needed names and no unknown ones."""
        if type(value) is not dict:
            raise refused(f"a {self.cls.__name__}")
        for name in self._needed - value.keys():
            raise NoForm(f"`{name}` is missing")
        for name in value.keys() - self.kinds.keys():
            raise NoForm(f"`{name[:40]}` is nothing that a {self.cls.__name__} has")
        return value

    def read(self, value: Json, reading: ReadState) -> object:
        found = self.check_names(value)
        fields = {name: self.kinds[name].read(item, reading) for name, item in found.items()}
        return self.cls(**fields)

    def write(self, value: object, writing: WriteState) -> Json:
        if type(value) not in self.value_types:
            raise TypeError(f"{type(value).__name__} where a {self.cls.__name__} should be")
        return {
            field.name: field.kind.write(item, writing)
            for field in self.fields
            if not field.is_left_out(item := getattr(value, field.name))
        }


class FromSpec(ValueKind):
    """An object that `make` builds from its `spec`, a value of another kind."""

    def __init__(self, cls: type, make: Callable[[object], object], spec: ValueKind) -> None:
        self.json_types, self.value_types = spec.json_types, frozenset({cls})
        self._make, self._spec = make, spec

    def read(self, value: Json, reading: ReadState) -> object:
        return self._make(self._spec.read(value, reading))

    def write(self, value: object, writing: WriteState) -> Json:
        return self._spec.write(getattr(value, "spec"), writing)  # noqa: B009


class SharedKind(ValueKind):
    """A value that many others have. It is written once, under `name`; the others have its
    number."""

    json_types: Types = frozenset({int})

    def __init__(self, name: str, kind: ValueKind) -> None:
        self.name, self.kind = name, kind
        self.value_types = kind.value_types

    def read(self, value: Json, reading: ReadState) -> object:
        if type(value) is int and value in reading.shared[self.name]:
            return reading.shared[self.name][value]
        raise _no_number(self.name)

    def write(self, value: object, writing: WriteState) -> Json:
        return writing.number(self.name, self.kind.write(value, writing))
