"""The compiled form as text: what is written is read, in steps, and what is too much is not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.basics.steps import Steps, finished
from policies.compiled.form import text as module
from policies.compiled.form.text import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_IN_SECTION,
    MAX_LINE,
    MAX_OF_MANY,
    NoForm,
    sections_steps,
    shallow_steps,
    text_steps,
)
from policies.compiled.tables import FORMAT, form_steps, form_text, tables_from, tables_steps
from policies.language.compile.compile import compile_policy
from policies.language.load import load
from tests.policies.making import policy_text

HEAD = {"format": 1, "digest": "d"}
SECTIONS = {"digest": "d"}
MOST_UNITS = 17  # of one step: a line of MAX_LINE


def reading(form: bytes) -> dict[str, Any]:
    return finished(sections_steps(form, 1, "d"))


def lines(*parts: object) -> bytes:
    return "\n".join(json.dumps(part) for part in (HEAD, *parts)).encode()


def repeated(part: object, times: int) -> bytes:
    """`lines` with `part` so often."""
    return lines() + b"\n" + b"\n".join([json.dumps(part).encode()] * times)


def each(steps: Steps[Any]) -> list[int]:
    units = []
    while True:
        try:
            units.append(next(steps))
        except StopIteration:
            return units


names = st.text(st.characters(codec="utf-8"), max_size=3)
rules = st.lists(
    st.one_of(st.integers(), st.text(max_size=5), st.lists(st.none(), max_size=3)), max_size=3
)


def by_name(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(names, values, max_size=4)


hosts = by_name(by_name(st.one_of(by_name(rules), rules)))
sections = st.fixed_dictionaries(
    {
        "routes": st.lists(by_name(rules), max_size=4),
        "hosts": hosts,
        "first": hosts,
        "auth": by_name(rules),
        "pools": by_name(rules),
        "limits": rules,
        "identify": st.booleans(),
    }
)


@given(sections, st.integers(0, 4), st.integers(1, 50))
def test_what_is_written_is_read(tables: dict[str, Any], few: int, line: int) -> None:
    """However small the lines are; entries stay in their order."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "FEW", few)
        patch.setattr(module, "LINE_TEXT", line)
        found = reading(finished(text_steps({**SECTIONS, **tables}, 1)))
    assert found.keys() == {**SECTIONS, **tables}.keys()
    for name, value in tables.items():
        assert json.dumps(found[name]) == json.dumps(value)


@pytest.mark.slow
def test_a_large_policy_is_many_lines_and_no_step_is_long() -> None:
    """14.18: also one path with very many rules, one huge route, long texts."""
    match = {"path": {"prefix": "/x"}, "headers": [{"name": "h", "value": "v"}]}
    routes = [
        {"name": "one", "split": {"canary": 1}, "matches": [match] * 3_000},
        {"name": "long", "respond": {"body": "\U0001f600" * 5_000}},
        *({"name": f"r{n}", "split": {"canary": 1}} for n in range(2_000)),
    ]
    loaded = load(policy_text(routes=routes))
    assert loaded.policy, loaded.findings
    tables = compile_policy(loaded.policy, loaded.digest)
    form = form_text(tables)
    texts = form.split(b"\n")
    assert len(texts) > 10
    assert max(map(len, texts)) <= MAX_LINE
    assert max(each(form_steps(tables))) <= MOST_UNITS
    units = each(tables_steps(form, loaded.digest))
    assert max(units) <= MOST_UNITS
    assert sum(units) >= len(form) // module.UNIT_BYTES
    assert tables_from(form, loaded.digest) == tables


NESTED = "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)


@pytest.mark.parametrize(
    ("form", "why"),
    [
        (b"", "it is not JSON"),
        (b"[]", "its first line does not say of which format it is"),
        (b'{"format": 2, "digest": "d"}', "another format than 1"),
        (b'{"format": 1, "digest": "e"}', "made from another policy"),
        (lines(1), r"line 2: it is not `\[path, value\]`"),
        (lines([["routes"], []], [[1], []]), r"line 3: it is not `\[path, value\]`"),
        (lines([["routes"], 1]), "line 2: it is not"),
        (lines([["routes", "x"], []]), "line 2: nothing is cut so deep"),
        (lines([["hosts"] * 5, []]), "line 2: nothing is cut so deep"),
        (lines([["routes"], []], [["routes"], {}]), "line 3: something else is at this path"),
        (lines([["hosts"], []], [["hosts", "a", "b"], []]), "line 3: something else"),
        (lines([[], []]), "line 2: something else is at this path"),
        (lines() + b"\n", "line 2: it is not JSON"),
        (lines() + b"\n\xff", "line 2: it is not JSON"),
        (lines() + b"\n" + NESTED.encode(), f"line 2: more than {MAX_DEPTH} brackets"),
        (lines() + b'\n[["routes"],[]', "line 2: more than"),
        (b"[" * 5_000_000, "it has more than"),
        (b"\n" * (MAX_BYTES + 1), f"it has {MAX_BYTES + 1:,} bytes"),
        (lines() + b"\n" + b"x" * (MAX_LINE + 1), f"line 2: it has more than {MAX_LINE:,} bytes"),
        (lines([["variants"], [1] * (MAX_IN_SECTION + 1)]), "`variants` has more than 2,000"),
        (lines([[], {"variants": [1] * (MAX_IN_SECTION + 1)}]), "`variants` has more than 2,000"),
        (lines([["auth", "sha256"], [1] * (MAX_OF_MANY + 1)]), "`auth` has more than 100,000"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",  # a form may have 50 MB
)
def test_what_is_no_compiled_form_is_refused(form: bytes, why: str) -> None:
    """14.18: before it is read, and with the reason."""
    with pytest.raises(NoForm, match=why):
        reading(form)


@pytest.mark.slow
def test_too_much_work_is_refused() -> None:
    form = repeated([["routes"], []], 400_000)
    head, _, rest = form.partition(b"\n")
    head = json.dumps({"format": FORMAT, "digest": "d"}).encode()
    with pytest.raises(NoForm, match="units of work"):
        tables_from(head + b"\n" + rest, "d")


def test_another_format_is_refused() -> None:
    for other in (FORMAT - 1, FORMAT + 1):
        form = finished(text_steps(SECTIONS, other))
        with pytest.raises(NoForm, match=f"another format than {FORMAT}"):
            tables_from(form, "d")


def test_the_head_names_the_policy_whatever_follows() -> None:
    assert reading(lines([[], {"digest": "x"}])) == SECTIONS


@pytest.mark.parametrize(
    ("line", "shallow"),
    [
        ("[" * MAX_DEPTH + "]" * MAX_DEPTH, True),
        (NESTED, False),
        ('{"a":' * (MAX_DEPTH + 1) + "1" + "}" * (MAX_DEPTH + 1), False),
        ('{"a":[' * (MAX_DEPTH // 2) + "1" + "]}" * (MAX_DEPTH // 2), True),
        ('{"a":[' * (MAX_DEPTH // 2 + 1) + "1" + "]}" * (MAX_DEPTH // 2 + 1), False),
        ('["' + "[" * 1_000 + '"]', True),
        ('["]",' * 100 + "1" + "]" * 100, False),
        ('["\\"]",' * 100 + "1" + "]" * 100, False),
        ('["\\\\","[[[["]', True),
        ('["\\\\\\"]","[[[["]', True),
        ("[}", False),
        ("[[]", False),
        ("[]" * 1_000, True),
    ],
)
def test_depth(line: str, shallow: bool) -> None:
    assert finished(shallow_steps(line.encode())) is shallow


json_values = st.recursive(
    st.one_of(st.none(), st.integers(), st.text(alphabet='a[]{}"\\', max_size=6)),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text('[]{}"\\'), inner)),
)


def depth_of(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


@given(json_values, st.integers(0, 2 * MAX_DEPTH))
def test_depth_is_that_of_the_value(value: object, more: int) -> None:
    for _ in range(more):
        value = [value, "]["]
    assert finished(shallow_steps(json.dumps(value).encode())) is (depth_of(value) <= MAX_DEPTH)
