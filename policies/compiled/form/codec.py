"""Reads and writes typed values as JSON. How follows from their types alone.

- `Annotated[X, Shared("name")]` is an X that many values have: it is written once.
- A class that is neither a named tuple nor a dataclass is built from one typed value, its `spec`,
  and is written as that.
- The root is a dataclass. Its fields, and the entries of long lists and mappings in them, are read
  and written in steps (`basics/steps.py`), since there may be very many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from inspect import isclass
from types import NoneType, UnionType
from typing import Annotated, Generic, Literal, NamedTuple, TypeVar, Union, get_args, get_origin
from typing import get_type_hints as hints

from policies.basics.json import Json
from policies.basics.steps import Steps
from policies.compiled.form.classes import ByWord, Field, FromSpec, Row, SharedKind, Table
from policies.compiled.form.kinds import (
    Either,
    Hex,
    Many,
    Named,
    One,
    ReadState,
    ValueKind,
    Word,
    WriteState,
    refused,
)
from policies.compiled.form.text import NoForm

T = TypeVar("T")
SHARED = "shared"  # the section of shared values
STEP_WORK = 200  # entries of lists and mappings, small ones, in one unit of work
FEW = 100  # so many entries are read without a step

_PLAIN: dict[object, ValueKind] = {
    str: One(str),
    bool: One(bool),
    int: One(int),
    float: One(int, float),  # JSON has `5` for 5.0
    NoneType: One(NoneType),
    bytes: Hex(),
}


class Shared(NamedTuple):
    """Marks a type whose values are written once, under `name`."""

    name: str


class Kinds:
    """Finds the kind of each type. `shared`: the shared kinds by name; those that others need come
    first."""

    def __init__(self) -> None:
        self.shared: dict[str, SharedKind] = {}
        self.classes: dict[type, ValueKind] = {}

    def of(self, hint: object) -> ValueKind:
        if hint in _PLAIN:
            return _PLAIN[hint]
        origin, given = get_origin(hint), get_args(hint)
        if origin is Annotated:
            return self._shared(given[0], given[1])
        if origin is Literal:
            return Word(given)
        if origin in (Union, UnionType):
            return self._union(given)
        if origin is dict:
            return Named(self.of(given[1]))
        if origin is tuple and given[-1] is not Ellipsis:
            row = [Field(str(at), self.of(entry)) for at, entry in enumerate(given)]
            return Row(tuple, row)
        if origin in (tuple, list, frozenset):
            return Many(self.of(given[0]), origin)
        if isclass(hint):
            if hint not in self.classes:
                self.classes[hint] = self._of_class(hint)
            return self.classes[hint]
        raise TypeError(f"{hint} cannot be written in a compiled form")

    def _shared(self, hint: object, mark: object) -> ValueKind:
        if not isinstance(mark, Shared):
            return self.of(hint)
        if mark.name not in self.shared:
            kind = SharedKind(mark.name, self.of(hint))
            self.shared[mark.name] = kind
        return self.shared[mark.name]

    def _union(self, given: Sequence[object]) -> ValueKind:
        """Return the kind of a union: JSON types tell its members apart, and rows begin with a
        word."""
        worded, others = dict[str, Row](), list[ValueKind]()
        for row_type in given:
            word, kind = _word_of(row_type), self.of(row_type)
            if word and isinstance(kind, Row):
                worded[word] = kind
            else:
                others.append(kind)
        return Either([*others, ByWord(worded)]) if worded else Either(others)

    def _of_class(self, cls: type) -> ValueKind:
        found = hints(cls, include_extras=True)
        if is_dataclass(cls):
            defaults = {field.name: _default(field) for field in fields(cls)}
            return Table(
                cls, [Field(name, self.of(found[name]), d) for name, d in defaults.items()]
            )
        if issubclass(cls, tuple):
            names: tuple[str, ...] = getattr(cls, "_fields")  # noqa: B009
            known: Mapping[str, object] = getattr(cls, "_field_defaults")  # noqa: B009
            row = [Field(name, self.of(found[name]), known.get(name, Field.NONE)) for name in names]
            return Row(cls, row)
        return FromSpec(cls, cls, self.of(found["spec"]))


def _default(field: object) -> object:
    default = getattr(field, "default", MISSING)
    return Field.NONE if default is MISSING else default


def _word_of(hint: object) -> str:
    """Return the word that rows of a class begin with; "" for any other type."""
    if not isclass(hint) or not issubclass(hint, tuple):
        return ""
    first = next(iter(hints(hint).values()), None)
    words = get_args(first) if get_origin(first) is Literal else ()
    return str(words[0]) if len(words) == 1 else ""


class Codec(Generic[T]):
    """Reads and writes values of one class."""

    def __init__(self, cls: type[T]) -> None:
        self._cls = cls
        kinds = Kinds()
        self._kind = kinds.of(cls)
        self._shared = kinds.shared

    def read(self, value: Json) -> T:
        """Return the value that `write` wrote. Raises `NoForm` for anything else."""
        instance = self._kind.read(value, ReadState())
        assert isinstance(instance, self._cls), "its kind makes nothing else"
        return instance

    def write(self, value: T) -> Json:
        return self._kind.write(value, WriteState())

    def write_steps(self, value: T) -> Steps[dict[str, Json]]:
        """Write a dataclass in steps: its fields by name, and the section `shared`."""
        assert isinstance(self._kind, Table), "only a dataclass has sections"
        writing, sections = WriteState(), dict[str, Json]()
        for field in self._kind.fields:
            sections[field.name] = yield from _written(
                field.kind, getattr(value, field.name), writing
            )
        sections[SHARED] = {**writing.shared}
        return sections

    def read_steps(self, sections: Mapping[str, Json]) -> Steps[T]:
        """Read what `write_steps` wrote. Raises `NoForm`, which names the section, for anything
        else."""
        assert isinstance(self._kind, Table), "only a dataclass has sections"
        found, reading = {**sections}, ReadState()
        yield from self._read_shared(found.pop(SHARED, {}), reading)
        entries, kinds = self._kind.check_names(found), self._kind.fields
        values: dict[str, object] = {}
        for field in kinds:
            if field.name in entries:
                part = _read(field.kind, entries[field.name], reading)
                values[field.name] = yield from _in_section(field.name, part)
        return self._cls(**values)

    def _read_shared(self, section: Json, reading: ReadState) -> Steps[None]:
        if not isinstance(section, dict):
            raise refused(f"`{SHARED}`")
        for name in section.keys() - self._shared.keys():
            raise NoForm(f"`{SHARED}` has `{name[:40]}`, which nothing uses")
        for name, kind in self._shared.items():
            known = reading.shared[name] = {}
            entries = section.get(name, [])
            if type(entries) is not list or not kind.kind.json_types.issuperset(map(type, entries)):
                raise refused(f"`{SHARED}`, `{name}`")
            for number, entry in enumerate(entries):
                known[number] = yield from _in_section(name, _read(kind.kind, entry, reading))


def _in_section(name: str, steps: Steps[object]) -> Steps[object]:
    try:
        return (yield from steps)
    except NoForm as error:
        raise NoForm(f"`{name}`: {error}") from None


def _read(kind: ValueKind, value: Json, reading: ReadState) -> Steps[object]:
    """Read a value, with a step after each `STEP_WORK` entries."""
    if isinstance(kind, Many) and type(value) is list and len(value) > FEW:
        if not kind.entry.json_types.issuperset(map(type, value)):
            raise refused("an entry of a list")
        entries = list[object]()
        for entry in value:
            entries.append(kind.entry.read(entry, reading))
            reading.work += 1
            yield from _pause(reading)
        return kind.make(entries)
    if isinstance(kind, Named | Table) and type(value) is dict and _is_long(value):
        if isinstance(kind, Named):
            kinds = dict.fromkeys(value, kind.entry)
        else:
            value = kind.check_names(value)
            kinds = kind.kinds
        found = dict[str, object]()
        for name, inner in value.items():
            found[name] = yield from _read(kinds[name], inner, reading)
        return found if isinstance(kind, Named) else kind.cls(**found)
    if type(value) not in kind.json_types:
        raise refused("a value")
    result = kind.read(value, reading)
    yield from _pause(reading)
    return result


def _written(kind: ValueKind, value: object, writing: WriteState) -> Steps[Json]:
    """Write a value, with a step after each `STEP_WORK` entries."""
    if isinstance(kind, Many) and type(value) is tuple and len(value) > FEW:
        entries = list[Json]()
        for entry in value:
            entries.append(kind.entry.write(entry, writing))
            writing.work += 1
            yield from _pause(writing)
        return entries
    if isinstance(kind, Named) and isinstance(value, Mapping):
        named = dict[str, Json]()
        for name, inner in value.items():
            named[str(name)] = yield from _written(kind.entry, inner, writing)
        return named
    if isinstance(kind, Table) and type(value) in kind.value_types:
        found = dict[str, Json]()
        for field in kind.fields:
            inner = getattr(value, field.name)
            if not field.is_left_out(inner):
                found[field.name] = yield from _written(field.kind, inner, writing)
        return found
    written = kind.write(value, writing)
    yield from _pause(writing)
    return written


def _pause(place: ReadState | WriteState) -> Steps[None]:
    """Yield a step if enough work has been done since the last one."""
    if place.work >= STEP_WORK:
        units, place.work = divmod(place.work, STEP_WORK)
        yield units


def _is_long(value: Mapping[str, Json]) -> bool:
    """Return whether a mapping, or mappings and lists in it, may have more than `FEW` entries."""
    left, ahead = FEW - len(value), list(value.values())
    while ahead and left >= 0:
        inner = ahead.pop()
        if isinstance(inner, dict):
            left -= len(inner)
            ahead.extend(inner.values())
        elif isinstance(inner, list):
            left -= len(inner)
    return left < 0
