"""What a function of the code is called with."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.sandbox.calling import BadCall, bound, call

DATA = {"a": 1}
CASES: list[tuple[str, dict[str, Any], Any]] = [
    ("def f(input_data): return input_data", {"input_data": DATA}, DATA),
    ("def f(data): return data", {"input_data": DATA}, DATA),
    ("def f(data, /): return data", {"input_data": DATA}, DATA),
    ("def f(data): return data", {"data": 3}, 3),
    ("def f(data=7): return data", {}, 7),
    ("def f(): return 5", {"input_data": DATA, "context": 1}, 5),
    ("def f(data, context): return [data, context]", {"context": 2, "input_data": 1}, [1, 2]),
    ("def f(data, context=9): return [data, context]", {"input_data": 1}, [1, 9]),
    ("def f(data, *, limit): return [data, limit]", {"input_data": 1, "limit": 2}, [1, 2]),
    ("def f(*, input_data): return input_data", {"input_data": 1}, 1),
    ("def f(*args): return list(args)", {"input_data": 1, "a": 2}, []),
    ("def f(**all): return all", {"input_data": 1, "a": 2}, {"input_data": 1, "a": 2}),
    ("def f(x, **rest): return [x, rest]", {"input_data": 1, "x": 2, "y": 3}, [1, {"y": 3}]),
    ("def f(x=1, y=2, /, z=3): return [x, y, z]", {"y": 5, "z": 6}, [1, 5, 6]),
    ("def f(x, y=2, *args, z): return [x, y, z]", {"input_data": 1, "z": 3}, [1, 2, 3]),
    ("f = lambda data: data", {"input_data": 1}, 1),
    ("f = str", {"input_data": 1}, "1"),
]


def names_of(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(code, names)
    return names


@pytest.mark.parametrize(("code", "arguments", "result"), CASES, ids=[c for c, _, _ in CASES])
def test_call(code: str, arguments: dict[str, Any], result: object) -> None:
    assert call(names_of(code), "f", arguments) == result


@pytest.mark.parametrize(
    ("code", "arguments", "message"),
    [
        ("", {}, "the code has no function `f`; define it: def f(input_data): ..."),
        ("def ff(): pass", {}, "the code has no function `f`; did you mean `ff`?"),
        ("f = 3", {}, "`f` is no function: its type is int"),
        (
            "def f(data): pass",
            {"other": 1},
            "`f` needs `input_data` or `data` in `arguments`, or a default for `data`; "
            "given: `other`",
        ),
        (
            "def f(data, fiber): pass",
            {"input_data": 1},
            "`f` needs `fiber` in `arguments`, or a default for `fiber`; given: `input_data`",
        ),
        ("def f(*, key): pass", {}, "`f` needs `input_data` or `key` in `arguments`"),
    ],
)
def test_bad_call(code: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(BadCall) as error:
        call(names_of(code), "f", arguments)
    assert str(error.value).startswith(message)


PARAMETERS = st.lists(st.sampled_from("abcd"), unique=True).flatmap(
    lambda names: st.tuples(
        st.just(names),
        st.integers(0, len(names)),
        st.integers(0, len(names)),
        st.booleans(),
    )
)


@given(PARAMETERS, st.dictionaries(st.sampled_from(["input_data", *"abcde"]), st.integers()))
def test_whatever_is_bound_can_be_called(
    shape: tuple[list[str], int, int, bool], arguments: dict[str, int]
) -> None:
    """Defaults from some parameter on, keyword-only from some other, `**rest` or not."""
    names, defaults, keywords, rest = shape
    texts = [name if i < defaults else f"{name}=None" for i, name in enumerate(names)]
    if keywords < len(names):
        texts.insert(keywords, "*")
    if rest:
        texts.append("**rest")
    function = names_of(f"def f({', '.join(texts)}): return locals()")["f"]
    try:
        args, kwargs = bound(function, "f", arguments)
    except BadCall:
        lacking = [n for i, n in enumerate(names) if i < defaults and n not in arguments]
        assert lacking
        return
    inspect.signature(function).bind(*args, **kwargs)
    got = function(*args, **kwargs)
    first = names[0] if names and keywords else None
    for name in names:
        wanted = arguments.get(name)
        if name == first and "input_data" in arguments:
            wanted = arguments["input_data"]
        assert got[name] == wanted
    taken = {*names, *(["input_data"] if first else [])}
    left = {key: value for key, value in arguments.items() if key not in taken}
    assert got.get("rest", {}) == (left if rest else {})
