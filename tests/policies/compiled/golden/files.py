"""The golden files: what this code makes of `policy.yaml`, and the types of all tables.

The form that KV holds must not change unless `FORMAT` does, else a router would misread what
another version wrote. `form.txt` is the compiled form, `types.txt` the format and the types.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from inspect import isclass
from pathlib import Path
from types import NoneType
from typing import Annotated, get_args, get_origin, get_type_hints

from policies.compiled.tables import FORMAT, PolicyTables, form_text
from policies.language.compile.compile import compile_policy
from policies.language.load import load

HERE = Path(__file__).parent
POLICY, FORM, TYPES = HERE / "policy.yaml", HERE / "form.txt", HERE / "types.txt"
COMMAND = "python -m tests.policies.compiled.golden"


def form_now() -> str:
    loaded = load(POLICY.read_bytes())
    assert loaded.policy, loaded.findings
    return form_text(compile_policy(loaded.policy, loaded.digest)).decode() + "\n"


def types_now() -> str:
    found: dict[type, list[str]] = {}
    _collect(PolicyTables, found)
    classes = sorted(found.items(), key=lambda entry: entry[0].__name__)
    parts = ["\n".join([f"{cls.__name__}:", *lines]) for cls, lines in classes]
    return "\n\n".join([f"FORMAT {FORMAT}", *parts]) + "\n"


def change() -> str:
    """What has changed without another `FORMAT`, and what to do; "" if nothing has."""
    form, types = FORM.read_text(), TYPES.read_text()
    if types.splitlines()[0] != f"FORMAT {FORMAT}":
        return ""
    what = "the types of the tables" if types != types_now() else ""
    if not what and form != form_now() and _digest(form) == _digest(form_now()):
        what = f"the compiled form of {POLICY.name}"
    how = f"raise FORMAT in policies/compiled/tables.py to {FORMAT + 1}, then run `{COMMAND}`"
    return f"FORMAT is still {FORMAT}, but {what} changed: {how}" if what else ""


def is_old() -> bool:
    return (FORM.read_text(), TYPES.read_text()) != (form_now(), types_now())


def _digest(form: str) -> str:
    """The line that names the format and the policy."""
    return form.splitlines()[0]


def _collect(hint: object, found: dict[type, list[str]]) -> None:
    """Add the classes within a type, each with its fields."""
    for cls in _classes(hint):
        if cls in found:
            continue
        hints, defaults = get_type_hints(cls, include_extras=True), _defaults(cls)
        found[cls] = [
            f"    {name}: {text_of(each)}{defaults.get(name, '')}" for name, each in hints.items()
        ]
        for each in hints.values():
            _collect(each, found)


def _classes(hint: object) -> Iterator[type]:
    if isclass(hint) and hint.__module__.startswith("policies."):
        yield hint
    for each in get_args(hint):
        yield from _classes(each)


def _defaults(cls: type) -> dict[str, str]:
    if is_dataclass(cls):
        given = {each.name: each.default for each in fields(cls) if each.init}
        return {name: f" = {d!r}" for name, d in given.items() if "MISSING" not in repr(d)}
    return {name: f" = {d!r}" for name, d in getattr(cls, "_field_defaults", {}).items()}


def text_of(hint: object) -> str:
    """A type as it may be written, whatever the names of its parts are."""
    origin, given = get_origin(hint), get_args(hint)
    if hint is NoneType or hint is Ellipsis:
        return "None" if hint is NoneType else "..."
    if isclass(hint) and origin is None:
        return hint.__name__
    if origin is Annotated:
        return f"Annotated[{text_of(given[0])}, {given[1]!r}]"
    if origin in (tuple, list, dict, frozenset):
        return f"{origin.__name__}[{', '.join(map(text_of, given))}]"
    if all(isinstance(each, str) for each in given):
        return f"Literal[{', '.join(map(repr, given))}]"
    return " | ".join(map(text_of, given))
