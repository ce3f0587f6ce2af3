"""Kinds of values: what each is as JSON, how it is read from that, and how it is written.

- A kind reads only JSON of its own types; everything else is `NoForm`.
- Where all entries of a list are in JSON what they should be, they are taken as they are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from json import dumps

from policies.basics.json import Json
from policies.compiled.form.text import NoForm

Types = frozenset[type]


class Reading:
    """What is known while a form is read. `shared`: what many values have in common, by name and
    number; `work`: entries of lists that have been read."""

    def __init__(self) -> None:
        self.shared: dict[str, dict[object, object]] = {}
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


class Kind(ABC):
    """`types`: those of its JSON; `made`: those of its values; `is_flat`: a value is its own JSON,
    and its type alone says whether it is valid."""

    types: Types
    made: Types
    is_flat = False

    @property
    def flat_types(self) -> Types:
        """The types in JSON of values that are the same there."""
        return self.types if self.is_flat else frozenset()

    @abstractmethod
    def read(self, value: Json, reading: Reading) -> object: ...

    @abstractmethod
    def write(self, value: object, writing: Writing) -> Json: ...


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
        if type(value) in self.types and (value is None or isinstance(value, int | float | str)):
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

    @property
    def flat_types(self) -> Types:
        return frozenset().union(*(kind.flat_types for kind in self._by_type.values()))

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
        self._flat = entry.flat_types
        self.made = frozenset({make})
        self.make: Callable[[Iterable[object]], object] = make

    def read(self, value: Json, reading: Reading) -> object:
        if type(value) is not list:
            raise refused("a list")
        if not value:
            return self.make(value)
        reading.work += len(value)
        flat, read = self._flat, self.entry.read
        if flat and flat.issuperset(map(type, value)):
            return self.make(value)
        return self.make([each if type(each) in flat else read(each, reading) for each in value])

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
