"""Kinds of values: what each is as JSON, how it is read from that, and how it is written.

- A kind reads only JSON of its own types; everything else is `NoForm`.
- A named tuple is a list of its fields, in their order, without those at the end that have their
  defaults. So nothing but its class knows a position.
- What is read and written often is read and written by what is known of earlier values: the types
  of all fields are looked up in one call, and only fields that are not yet what they should be
  are looked at again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from json import dumps

from policies.basics.json import Json
from policies.compiled.form.text import NoForm

Types = frozenset[type]
MOST_KNOWN = 1_000  # orders of types that a row is known to have


class Reading:
    """What is known while a form is read. `shared`: what many values have in common, by name and
    number; `work`: entries of lists that have been read."""

    def __init__(self) -> None:
        self.shared: dict[str, dict[int, object]] = {}
        self.work = 0


class Writing:
    """The same while one is written."""

    def __init__(self) -> None:
        self.shared: dict[str, list[Json]] = {}
        self.work = 0
        self._numbers: dict[str, dict[str, int]] = {}

    def number(self, name: str, written: Json) -> int:
        """The number of what is shared under that name; it is written once."""
        numbers = self._numbers.setdefault(name, {})
        number = numbers.setdefault(dumps(written), len(numbers))
        places = self.shared.setdefault(name, [])
        if number == len(places):
            places.append(written)
        return number


class Kind:
    """`types`: those of its JSON; `made`: those of its values; `is_flat`: both are the same, and
    the type says all."""

    types: Types
    made: Types
    is_flat = False

    def read(self, value: Json, reading: Reading) -> object:
        raise NotImplementedError

    def write(self, value: object, writing: Writing) -> Json:
        raise NotImplementedError


def refused(what: str) -> NoForm:
    return NoForm(f"{what} is of another type than a policy has there")


class One(Kind):
    """A value of one of these types, which JSON has."""

    is_flat = True

    def __init__(self, *types: type) -> None:
        self.types = self.made = frozenset(types)

    def read(self, value: Json, reading: Reading) -> object:
        if type(value) not in self.types:
            raise refused("a value")
        return value

    def write(self, value: object, writing: Writing) -> Json:
        if value is None or (type(value) in self.types and isinstance(value, int | float | str)):
            return value
        raise TypeError(f"{type(value).__name__} where {sorted(map(str, self.types))} should be")


class Word(Kind):
    """One of these words."""

    types = made = frozenset({str})

    def __init__(self, words: Iterable[str]) -> None:
        self._words = frozenset(words)

    def read(self, value: Json, reading: Reading) -> object:
        if type(value) is not str or value not in self._words:
            raise refused("a word")
        return value

    def write(self, value: object, writing: Writing) -> Json:
        if isinstance(value, str) and value in self._words:
            return value
        raise TypeError(f"{value!r} where one of {sorted(self._words)} should be")


class Hex(Kind):
    """Bytes, as text."""

    types, made = frozenset({str}), frozenset({bytes})

    def read(self, value: Json, reading: Reading) -> object:
        try:
            return bytes.fromhex(value) if type(value) is str else self.read("?", reading)
        except ValueError:
            raise refused("a text of bytes") from None

    def write(self, value: object, writing: Writing) -> Json:
        if not isinstance(value, bytes):
            raise TypeError(f"{type(value).__name__} where bytes should be")
        return value.hex()


class Either(Kind):
    """A value of one of these kinds, which JSON tells apart by its types."""

    def __init__(self, kinds: Sequence[Kind]) -> None:
        self._by_type = {each: kind for kind in kinds for each in kind.types}
        self._by_made = {each: kind for kind in kinds for each in kind.made}
        self.types, self.made = frozenset(self._by_type), frozenset(self._by_made)
        if len(self._by_type) != sum(len(kind.types) for kind in kinds):
            raise TypeError(f"JSON does not tell these apart: {kinds}")
        self.is_flat = all(kind.is_flat for kind in kinds)

    def of(self, type_: type) -> Kind:
        """The kind of values that have that type in JSON."""
        return self._by_type[type_]

    def read(self, value: Json, reading: Reading) -> object:
        kind = self._by_type.get(type(value))
        if kind is None:
            raise refused("a value")
        return kind.read(value, reading)

    def write(self, value: object, writing: Writing) -> Json:
        return self._by_made[type(value)].write(value, writing)


class Many(Kind):
    """Any number of entries of one kind, as what `make` makes of a list."""

    types: Types = frozenset({list})

    def __init__(
        self, entry: Kind, make: type[tuple[object, ...]] | type[Iterable[object]]
    ) -> None:
        self.entry = entry
        self.made = frozenset({make})
        self.make: Callable[[Iterable[object]], object] = make

    def read(self, value: Json, reading: Reading) -> object:
        if type(value) is not list or not self.entry.types.issuperset(map(type, value)):
            raise refused("a list, or an entry of one,")
        if not value:
            return self.make(value)
        reading.work += len(value)
        if self.entry.is_flat:
            return self.make(value)
        read = self.entry.read
        return self.make([read(each, reading) for each in value])

    def write(self, value: object, writing: Writing) -> Json:
        if type(value) not in self.made or not isinstance(value, Iterable):
            raise TypeError(f"{type(value).__name__} where a list should be")
        written = [self.entry.write(each, writing) for each in value]
        writing.work += len(written)
        return sorted(written, key=dumps) if isinstance(value, frozenset) else written


class Named(Kind):
    """Entries of one kind by name."""

    types = made = frozenset({dict})

    def __init__(self, entry: Kind) -> None:
        self.entry = entry

    def read(self, value: Json, reading: Reading) -> object:
        if type(value) is not dict or not self.entry.types.issuperset(map(type, value.values())):
            raise refused("a mapping, or an entry of one,")
        reading.work += len(value)
        if self.entry.is_flat:
            return {**value}
        read = self.entry.read
        return {name: read(each, reading) for name, each in value.items()}

    def write(self, value: object, writing: Writing) -> Json:
        if not isinstance(value, Mapping):
            raise TypeError(f"{type(value).__name__} where a mapping should be")
        writing.work += len(value)
        return {str(name): self.entry.write(each, writing) for name, each in value.items()}


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


class Row(Kind):
    """A named tuple, or a plain one of these fields."""

    types: Types = frozenset({list})

    def __init__(self, cls: type[tuple[object, ...]], fields: Sequence[Field]) -> None:
        self.made = frozenset({cls})
        self.fields = fields
        self._name = cls.__name__
        self._make: Callable[[list[object]], object] = partial(tuple.__new__, cls)
        self._needs = sum(not each.may_lack for each in fields)
        self._known: dict[tuple[type, ...], list[tuple[int, Kind]]] = {}
        self._defaults = [
            [each.default for each in fields[length:]] for length in range(len(fields) + 1)
        ]

    def read(self, value: Json, reading: Reading) -> object:
        if type(value) is not list:
            raise refused(f"a {self._name}")
        types = tuple(map(type, value))
        deep = self._known.get(types)
        if deep is None:
            deep = self._learn(types)
        row: list[object] = [*value, *self._defaults[len(types)]]
        for at, kind in deep:
            row[at] = kind.read(value[at], reading)
        return self._make(row)

    def _learn(self, types: tuple[type, ...]) -> list[tuple[int, Kind]]:
        """The places of what is not yet as it should be, in values of these types."""
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
        deep = [(at, kind) for at, kind in enumerate(kinds) if not kind.is_flat]
        self._known[types] = deep
        return deep

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
        raise NoForm(f"nothing under `shared`, `{self.name}` has such a number")

    def write(self, value: object, writing: Writing) -> Json:
        return writing.number(self.name, self.kind.write(value, writing))
