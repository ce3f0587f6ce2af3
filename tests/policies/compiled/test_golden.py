"""The compiled form changes only together with `FORMAT`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, get_args

import pytest
from pydantic import BaseModel

from policies.compiled.form.codec import Codec
from policies.compiled.tables import FORMAT, tables_from
from policies.language.compile.compile import compile_policy
from policies.language.load import load
from policies.language.model.policy import Policy
from tests.policies.compiled.golden import files
from tests.policies.compiled.golden.files import COMMAND, FORM, POLICY, change, is_old, text_of


def test_the_form_changes_only_with_format() -> None:
    found = change()
    assert not found, found


def test_the_golden_files_are_those_of_this_code() -> None:
    assert not is_old(), f"run `{COMMAND}`, and commit what it writes"


def test_the_golden_form_is_read() -> None:
    loaded = load(POLICY.read_bytes())
    assert loaded.policy
    form = FORM.read_text().removesuffix("\n").encode()
    assert tables_from(form, loaded.digest) == compile_policy(loaded.policy, loaded.digest)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("form_now", f"FORMAT is still {FORMAT}, but the compiled form of policy.yaml changed"),
        ("types_now", f"FORMAT is still {FORMAT}, but the types of the tables changed"),
    ],
)
def test_a_change_without_another_format_is_told(
    name: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = getattr(files, name)()
    monkeypatch.setattr(files, name, lambda: f"{now}and more\n")
    assert change().startswith(what)
    assert f"to {FORMAT + 1}, then run `{COMMAND}`" in change()
    monkeypatch.setattr(files, "FORMAT", FORMAT + 1)
    assert change() == "", "the format is another one, so both are written anew"


def models(hint: object) -> Iterator[type[BaseModel]]:
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        yield hint
        for field in hint.model_fields.values():
            yield from models(field.annotation)
    for each in get_args(hint):
        yield from models(each)


def set_fields(value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, BaseModel):
        for name in value.model_fields_set:
            yield type(value).__name__, name
            yield from set_fields(getattr(value, name))
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from set_fields(each)


def test_the_policy_uses_every_field_of_the_language() -> None:
    policy = load(POLICY.read_bytes()).policy
    known = {(model.__name__, name) for model in models(Policy) for name in model.model_fields}
    assert known - {*set_fields(policy)} == set()


class Before(NamedTuple):
    name: str
    weight: float = 1


class After(NamedTuple):
    weight: float
    name: str = ""


def test_positions_follow_from_the_types() -> None:
    assert Codec(Before).write(Before("a", 2)) == ["a", 2]
    assert Codec(Before).write(Before("a")) == ["a"]
    assert Codec(After).read([2, "a"]) == After(weight=2, name="a")
    assert text_of(dict[str, tuple[int, ...]] | None) == "dict[str, tuple[int, ...]] | None"
