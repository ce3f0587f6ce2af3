"""How values of typed classes are written as JSON, and read: all of it follows from their types.

- `Annotated[X, Shared("name")]` is an X that many values have: it is written once.
- A class that is neither a named tuple nor a dataclass is made of one typed value, its `spec`,
  and is written as that.
- The whole is a dataclass. Its fields, and what they have in lists and mappings, are read and
  written in steps (`basics/steps.py`), since there may be very many.
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
from policies.compiled.form.classes import ByWord, Field, Made, Row, SharedKind, Table
from policies.compiled.form.kinds import (
    Either,
    Hex,
    Kind,
    Many,
    Named,
    One,
    Reading,
    Word,
    Writing,
    refused,
)
from policies.compiled.form.text import NoForm

T = TypeVar("T")
SHARED = "shared"  # the section of what many values have
STEP_WORK = 200  # entries of lists and mappings, small ones, in one unit of work
FEW = 100  # entries that are read without a step between

_PLAIN: dict[object, Kind] = {
    str: One(str),
    bool: One(bool),
    int: One(int),
    float: One(int, float),  # JSON has `5` for 5.0
    NoneType: One(NoneType),
    bytes: Hex(),
}


class Shared(NamedTuple):
    """Marks what is written once, under `name`."""

    name: str


class Kinds:
    """The kinds of types. `shared`: by name, those that others rely on first."""

    def __init__(self) -> None:
        self.shared: dict[str, SharedKind] = {}
        self.classes: dict[type, Kind] = {}

    def of(self, hint: object) -> Kind:
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
            row = [Field(str(at), self.of(each)) for at, each in enumerate(given)]
            return Row(tuple, row)
        if origin in (tuple, list, frozenset):
            return Many(self.of(given[0]), origin)
        if isclass(hint):
            if hint not in self.classes:
                self.classes[hint] = self._of_class(hint)
            return self.classes[hint]
        raise TypeError(f"{hint} cannot be written in a compiled form")

    def _shared(self, hint: object, mark: object) -> Kind:
        if not isinstance(mark, Shared):
            return self.of(hint)
        if mark.name not in self.shared:
            kind = SharedKind(mark.name, self.of(hint))
            self.shared[mark.name] = kind
        return self.shared[mark.name]

    def _union(self, given: Sequence[object]) -> Kind:
        """What JSON tells apart by types, and rows that begin with a word."""
        worded, others = dict[str, Row](), list[Kind]()
        for each in given:
            word, kind = _word_of(each), self.of(each)
            if word and isinstance(kind, Row):
                worded[word] = kind
            else:
                others.append(kind)
        return Either([*others, ByWord(worded)]) if worded else Either(others)

    def _of_class(self, cls: type) -> Kind:
        found = hints(cls, include_extras=True)
        if is_dataclass(cls):
            defaults = {each.name: _default(each) for each in fields(cls)}
            return Table(
                cls, [Field(name, self.of(found[name]), d) for name, d in defaults.items()]
            )
        if issubclass(cls, tuple):
            names: tuple[str, ...] = getattr(cls, "_fields")  # noqa: B009
            known: Mapping[str, object] = getattr(cls, "_field_defaults")  # noqa: B009
            row = [Field(name, self.of(found[name]), known.get(name, Field.NONE)) for name in names]
            return Row(cls, row)
        return Made(cls, cls, self.of(found["spec"]))


def _default(each: object) -> object:
    default = getattr(each, "default", MISSING)
    return Field.NONE if default is MISSING else default


def _word_of(hint: object) -> str:
    """The word that values of a class begin with; "" if it is no such class."""
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
        """The value that `write` wrote. Raises `NoForm` for anything else."""
        made = self._kind.read(value, Reading())
        assert isinstance(made, self._cls), "its kind makes nothing else"
        return made

    def write(self, value: T) -> Json:
        return self._kind.write(value, Writing())

    def write_steps(self, value: T) -> Steps[dict[str, Json]]:
        """A dataclass as its fields by their names, and `shared`, in steps."""
        assert isinstance(self._kind, Table), "only a dataclass has sections"
        writing, sections = Writing(), dict[str, Json]()
        for field in self._kind.fields:
            sections[field.name] = yield from _written(
                field.kind, getattr(value, field.name), writing
            )
        sections[SHARED] = {**writing.shared}
        return sections

    def read_steps(self, sections: Mapping[str, Json]) -> Steps[T]:
        """What `write_steps` wrote. Raises `NoForm`, which tells the section, for anything
        else."""
        assert isinstance(self._kind, Table), "only a dataclass has sections"
        found, reading = {**sections}, Reading()
        yield from self._read_shared(found.pop(SHARED, {}), reading)
        entries, kinds = self._kind.check_names(found), self._kind.fields
        values: dict[str, object] = {}
        for field in kinds:
            if field.name in entries:
                part = _read(field.kind, entries[field.name], reading)
                values[field.name] = yield from _in_section(field.name, part)
        return self._cls(**values)

    def _read_shared(self, section: Json, reading: Reading) -> Steps[None]:
        if not isinstance(section, dict):
            raise refused(f"`{SHARED}`")
        for name in section.keys() - self._shared.keys():
            raise NoForm(f"`{SHARED}` has `{name[:40]}`, which nothing uses")
        for name, kind in self._shared.items():
            known = reading.shared[name] = {}
            entries = section.get(name, [])
            if type(entries) is not list or not kind.kind.types.issuperset(map(type, entries)):
                raise refused(f"`{SHARED}`, `{name}`")
            for number, entry in enumerate(entries):
                known[number] = yield from _in_section(name, _read(kind.kind, entry, reading))


def _in_section(name: str, steps: Steps[object]) -> Steps[object]:
    try:
        return (yield from steps)
    except NoForm as error:
        raise NoForm(f"`{name}`: {error}") from None


def _read(kind: Kind, value: Json, reading: Reading) -> Steps[object]:
    """A value, with a step whenever much has been read."""
    if isinstance(kind, Many) and type(value) is list and len(value) > FEW:
        if not kind.entry.types.issuperset(map(type, value)):
            raise refused("an entry of a list")
        entries = list[object]()
        for entry in value:
            entries.append(kind.entry.read(entry, reading))
            reading.work += 1
            yield from _pause(reading)
        return kind.make(entries)
    if isinstance(kind, Named | Table) and type(value) is dict and _is_long(value):
        if isinstance(kind, Named):
            each = dict.fromkeys(value, kind.entry)
        else:
            value = kind.check_names(value)
            each = kind.kinds
        found = dict[str, object]()
        for name, inner in value.items():
            found[name] = yield from _read(each[name], inner, reading)
        return found if isinstance(kind, Named) else kind.cls(**found)
    if type(value) not in kind.types:
        raise refused("a value")
    made = kind.read(value, reading)
    yield from _pause(reading)
    return made


def _written(kind: Kind, value: object, writing: Writing) -> Steps[Json]:
    """The same for what is written."""
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
    if isinstance(kind, Table) and type(value) in kind.made:
        found = dict[str, Json]()
        for field in kind.fields:
            inner = getattr(value, field.name)
            if not field.is_left_out(inner):
                found[field.name] = yield from _written(field.kind, inner, writing)
        return found
    written = kind.write(value, writing)
    yield from _pause(writing)
    return written


def _pause(place: Reading | Writing) -> Steps[None]:
    """A step if so much has been done."""
    if place.work >= STEP_WORK:
        units, place.work = divmod(place.work, STEP_WORK)
        yield units


def _is_long(value: Mapping[str, Json]) -> bool:
    """Whether there may be many entries in it, or in mappings that it has."""
    left, ahead = FEW - len(value), list(value.values())
    while ahead and left >= 0:
        inner = ahead.pop()
        if isinstance(inner, dict):
            left -= len(inner)
            ahead.extend(inner.values())
        elif isinstance(inner, list):
            left -= len(inner)
    return left < 0
