"""Kinds of values: how each is read from JSON, and written.

- A kind reads only JSON of its own types. Everything else raises `NoForm`.
- A list whose entries are the same in JSON is taken as it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from json import dumps

from policies.basics.json import Json
from policies.compiled.form.text import NoForm

Types = frozenset[type]


class ReadState:
    """The state of one reading. `shared`: the values that others share, by name and number; `work`:
    the entries of lists and mappings that have been read."""

    def __init__(self) -> None:
        self.shared: dict[str, dict[object, object]] = {}
        self.work = 0


class WriteState:
    """The state of one writing: the same, for what is written."""

    def __init__(self) -> None:
        self.shared: dict[str, list[Json]] = {}
        self.work = 0
        self._numbers: dict[str, dict[str, int]] = {}

    def number(self, name: str, written: Json) -> int:
        """Return the number of a shared value under that name. It is written once."""
        numbers = self._numbers.setdefault(name, {})
        number = numbers.setdefault(dumps(written), len(numbers))
        places = self.shared.setdefault(name, [])
        if number == len(places):
            places.append(written)
        return number


class ValueKind(ABC):
    """How one kind of value is written and read.

    `json_types` are the types of its JSON, `value_types` those of its values. `is_flat`: a value is
    its own JSON, and its type alone says whether it is valid.
    """

    json_types: Types
    value_types: Types
    is_flat = False

    @property
    def flat_types(self) -> Types:
        """The JSON types of values that are the same in JSON."""
        return self.json_types if self.is_flat else frozenset()

    @abstractmethod
    def read(self, value: Json, reading: ReadState) -> object: ...

    @abstractmethod
    def write(self, value: object, writing: WriteState) -> Json: ...


def refused(what: str) -> NoForm:
    return NoForm(f"{what} is of another type than a policy has there")


class One(ValueKind):
    """A value of one of these types, each of which JSON has."""

    is_flat = True

    def __init__(self, *types: type) -> None:
        self.json_types = self.value_types = frozenset(types)

    def read(self, value: Json, reading: ReadState) -> object:
        if type(value) not in self.json_types:
            raise refused("a value")
        return value

    def write(self, value: object, writing: WriteState) -> Json:
        if type(value) in self.json_types and (
            value is None or isinstance(value, int | float | str)
        ):
            return value
        raise TypeError(
            f"{type(value).__name__} where {sorted(map(str, self.json_types))} should be"
        )


class Word(ValueKind):
    """One of these words."""

    json_types = value_types = frozenset({str})

    def __init__(self, words: Iterable[str]) -> None:
        self._words = frozenset(words)

    def read(self, value: Json, reading: ReadState) -> object:
        if type(value) is not str or value not in self._words:
            raise refused("a word")
        return value

    def write(self, value: object, writing: WriteState) -> Json:
        if isinstance(value, str) and value in self._words:
            return value
        raise TypeError(f"{value!r} where one of {sorted(self._words)} should be")


class Hex(ValueKind):
    """Bytes, as hexadecimal text."""

    json_types, value_types = frozenset({str}), frozenset({bytes})

    def read(self, value: Json, reading: ReadState) -> object:
        try:
            return bytes.fromhex(value) if type(value) is str else self.read("?", reading)
        except ValueError:
            raise refused("a text of bytes") from None

    def write(self, value: object, writing: WriteState) -> Json:
        if not isinstance(value, bytes):
            raise TypeError(f"{type(value).__name__} where bytes should be")
        return value.hex()


class Either(ValueKind):
    """A value of one of several kinds, which their JSON types tell apart."""

    def __init__(self, kinds: Sequence[ValueKind]) -> None:
        self._by_json_type = {type_: kind for kind in kinds for type_ in kind.json_types}
        self._by_value_type = {type_: kind for kind in kinds for type_ in kind.value_types}
        self.json_types = frozenset(self._by_json_type)
        self.value_types = frozenset(self._by_value_type)
        if len(self._by_json_type) != sum(len(kind.json_types) for kind in kinds):
            raise TypeError(f"JSON does not tell these apart: {kinds}")
        self.is_flat = all(kind.is_flat for kind in kinds)

    @property
    def flat_types(self) -> Types:
        return frozenset().union(*(kind.flat_types for kind in self._by_json_type.values()))

    def of(self, type_: type) -> ValueKind:
        """Return the kind of values with that JSON type."""
        return self._by_json_type[type_]

    def read(self, value: Json, reading: ReadState) -> object:
        kind = self._by_json_type.get(type(value))
        if kind is None:
            raise refused("a value")
        return kind.read(value, reading)

    def write(self, value: object, writing: WriteState) -> Json:
        return self._by_value_type[type(value)].write(value, writing)


class Many(ValueKind):
    """Any number of entries of one kind; `make` builds the value from a list of them."""

    json_types: Types = frozenset({list})

    def __init__(
        self, entry: ValueKind, make: type[tuple[object, ...]] | type[Iterable[object]]
    ) -> None:
        self.entry = entry
        self._flat = entry.flat_types
        self.value_types = frozenset({make})
        self.make: Callable[[Iterable[object]], object] = make

    def read(self, value: Json, reading: ReadState) -> object:
        if type(value) is not list:
            raise refused("a list")
        if not value:
            return self.make(value)
        reading.work += len(value)
        flat, read = self._flat, self.entry.read
        if flat and flat.issuperset(map(type, value)):
            return self.make(value)
        return self.make(
            [entry if type(entry) in flat else read(entry, reading) for entry in value]
        )

    def write(self, value: object, writing: WriteState) -> Json:
        if type(value) not in self.value_types or not isinstance(value, Iterable):
            raise TypeError(f"{type(value).__name__} where a list should be")
        written = [self.entry.write(entry, writing) for entry in value]
        writing.work += len(written)
        return sorted(written, key=dumps) if isinstance(value, frozenset) else written


class Named(ValueKind):
    """Any number of entries of one kind, by name."""

    json_types = value_types = frozenset({dict})

    def __init__(self, entry: ValueKind) -> None:
        self.entry = entry

    def read(self, value: Json, reading: ReadState) -> object:
        types = self.entry.json_types
        if type(value) is not dict or not types.issuperset(map(type, value.values())):
            raise refused("a mapping, or an entry of one,")
        reading.work += len(value)
        if self.entry.is_flat:
            return {**value}
        read = self.entry.read
        return {name: read(entry, reading) for name, entry in value.items()}

    def write(self, value: object, writing: WriteState) -> Json:
        if not isinstance(value, Mapping):
            raise TypeError(f"{type(value).__name__} where a mapping should be")
        writing.work += len(value)
        return {str(name): self.entry.write(entry, writing) for name, entry in value.items()}
