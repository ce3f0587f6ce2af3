"""What runs inside the isolate, here on CPython: results, errors, output."""

from __future__ import annotations

import collections
import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.sandbox.plain import MAX_VALUES, BadResult, plain
from agent.sandbox.runner import MAX_FRAMES, run


def outcome(code: str, context: dict[str, Any] | None = None, **most: int) -> dict[str, Any]:
    limits = {"most_stdout": 1_000, "most_result": 10_000, **most}
    return run({"code": code, "context": context or {}, **limits})


@pytest.mark.parametrize(
    ("code", "result"),
    [
        ("result = 2 + 2", 4),
        ("import json, re\nresult = json.loads('[1]') + re.findall('a', 'aa')", [1, "a", "a"]),
        ("import statistics\nresult = statistics.mean([1, 2])", 1.5),
        ("from collections import Counter\nresult = Counter('aab')", {"a": 2, "b": 1}),
        ("result = (1, [None, True])", [1, [None, True]]),
        ("def f(n): return n and n + f(n - 1)\nresult = f(3)", 6),
        ("result = __name__", "__main__"),
        ("from dataclasses import dataclass\n@dataclass\nclass A:\n  x: 'int'\nresult = A(3).x", 3),
    ],
)
def test_result(code: str, result: object) -> None:
    assert outcome(code) == {"result": result, "stdout": ""}


def test_context_arrives_typed() -> None:
    context = {"i": 1, "f": 1.0, "s": "x", "b": True, "n": None, "l": [1], "d": {"k": 2.5}}
    code = "result = {name: type(value).__name__ for name, value in context.items()}"
    types = {"i": "int", "f": "float", "s": "str", "b": "bool", "n": "NoneType"}
    assert outcome(code, context)["result"] == {**types, "l": "list", "d": "dict"}


def test_runs_share_no_names() -> None:
    outcome("left = 1\nresult = 1")
    assert outcome("result = left")["error"]["message"] == "NameError: name 'left' is not defined"
    assert sys.modules["__main__"].__dict__.get("left") is None


@pytest.mark.parametrize(
    ("code", "result"),
    [
        ("2 + 2", 4),
        ("x = 3\nx * 2  # six", 6),
        ("[].append(1)", None),
        ("result = 1\n2", 1),
        ("result = None\n2", None),
        ("2 + 2;", None),
        ("2 + 2 ;  # nothing\n", None),
        ("'a;'", "a;"),
        ("if True:\n    result = 5", 5),
        ("import asyncio\nawait asyncio.sleep(0)\nresult = 3", 3),
        ("async def f(): return 4\nawait f()", 4),
        ("async def f(): return 4\nf()", 4),
        ("async def f():\n  yield 1\nresult = [x async for x in f()]", [1]),
    ],
)
def test_the_result_of_an_expression(code: str, result: object) -> None:
    assert outcome(code)["result"] == result


@pytest.mark.parametrize("code", ["", "x = 1", "def f(): pass", "# nothing"])
def test_no_result(code: str) -> None:
    error = outcome(code)["error"]
    message = "the code gave no result: assign it to `result`, or end with an expression"
    assert (error["kind"], error["message"]) == ("bad-result", message)


def test_context_stands_in_globals() -> None:
    assert outcome("result = a + b", {"a": 1, "b": 2})["result"] == 3
    context = dict.fromkeys(("context", "result", "__builtins__", "class", "a b", "__name__"), 7)
    code = "[sorted(context), __name__, len('four'), 'result' in globals()]"
    assert outcome(code, context)["result"] == [sorted(context), "__main__", 4, False]


CALLED = "async def run_agent(input_data, top=1):\n    return {'n': input_data['n'] * top}\n"


def test_a_function_is_called_when_the_code_has_run() -> None:
    limits = {"context": {}, "most_stdout": 100, "most_result": 1_000}
    arguments = {"input_data": {"n": 2}, "top": 3}
    job = {"code": CALLED + "result = 1", "function": "run_agent", "arguments": arguments}
    assert run({**limits, **job})["result"] == {"n": 6}
    failed = run({**limits, **job, "arguments": {"input_data": {}}})["error"]
    assert (failed["kind"], failed["message"], failed["line"]) == ("code-error", "KeyError: 'n'", 2)
    missing = run({**limits, **job, "function": "run_agnt"})["error"]
    assert missing["message"].endswith("did you mean `run_agent`?")
    assert missing["line"] is None


@pytest.mark.parametrize(
    "code",
    [
        "class A(list):\n  def __iter__(self): raise KeyError(1)\nA([1])",
        "class A(str):\n  def __str__(self): raise KeyError(1)\nA('x')",
    ],
)
def test_what_a_result_raises_is_an_error_of_the_code(code: str) -> None:
    error = outcome(code)["error"]
    assert (error["kind"], error["message"]) == ("code-error", "KeyError: 1")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("pass", "the code gave no result: assign it to `result`, or end with an expression"),
        ("result = float('nan')", "result: nan is no JSON value"),
        ("result = [1e999]", "result[0]: inf is no JSON value"),
        ("result = b'x'", "result: a bytes is no JSON value"),
        ("result = {'a': [1, {2}]}", "result['a'][1]: a set is no JSON value"),
        ("result = {1: 2}", "result: the key 1 is no text; JSON has no other keys"),
        ("result = 2**53", "result: an integer beyond ±(2**53 - 1); give it as text"),
        ("result = '\\ud800'", "result: text with half a character (a lone surrogate)"),
    ],
)
def test_bad_result(code: str, message: str) -> None:
    error = outcome(code)["error"]
    assert (error["kind"], error["message"]) == ("bad-result", message)


@pytest.mark.parametrize(
    "code", ["x = []\nx.append(x)", "x = {}\nx['x'] = x", "x = 0\nfor i in range(65): x = [x]"]
)
def test_cycles_and_depth(code: str) -> None:
    error = outcome(code + "\nresult = x")["error"]
    assert error["kind"] == "bad-result"
    assert "nested deeper than 64, or within itself" in error["message"]


def test_many_values() -> None:
    shared = [0] * 1_000
    with pytest.raises(BadResult, match=f"more than {MAX_VALUES} values"):
        plain([shared] * 1_000)


def test_a_subclass_is_copied_as_what_it_is() -> None:
    class Loud(str):
        __slots__ = ()

        def __str__(self) -> str:
            return "loud"

    copied = plain(collections.OrderedDict({Loud("k"): Loud("v")}))
    assert type(copied) is dict
    assert json.loads(json.dumps(copied)) == copied


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**53) + 1, 2**53 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(exclude_categories=("Cs",))),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.text(st.characters(exclude_categories=("Cs",))), inner)
        ),
    )
)
def test_json_stays_as_it_is(value: object) -> None:
    assert json.loads(json.dumps(plain(value))) == value


def test_traceback_has_the_codes_own_lines() -> None:
    code = "import json\ndef f(text):\n    return json.loads(text)\nf('{')"
    error = outcome(code)["error"]
    assert (error["kind"], error["line"]) == ("code-error", 3)
    assert error["message"].startswith("JSONDecodeError: ")
    assert error["traceback"] == [
        "line 4, in <module>: f('{')",
        "line 3, in f: return json.loads(text)",
    ]


def test_a_long_traceback_is_cut() -> None:
    error = outcome("def f(): f()\nf()")["error"]
    assert error["message"].startswith("RecursionError")
    assert len(error["traceback"]) == MAX_FRAMES + 1
    assert "more)" in error["traceback"][MAX_FRAMES // 2]


@pytest.mark.parametrize(
    ("code", "message", "line"),
    [
        ("x = 1\ny = = 2", "SyntaxError: invalid syntax", 2),
        ("raise SystemExit(3)", "SystemExit: 3", 1),
        ("\nraise KeyError", "KeyError", 2),
        ("class E(Exception):\n  def __str__(self): raise SystemExit\nraise E", "E", 3),
        ("from js import fetch", "ImportError: the module 'js' cannot be used here", 1),
        ("import pyodide.http", "ImportError: the module 'pyodide.http' cannot be used here", 1),
        ("input()", "EOFError: EOF when reading a line", 1),
    ],
)
def test_code_error(code: str, message: str, line: int) -> None:
    error = outcome(code)["error"]
    assert (error["kind"], error["message"], error["line"]) == ("code-error", message, line)


def test_output_is_kept_with_an_error() -> None:
    assert outcome("print('hi')\nimport sys\nsys.stderr.write('ho')\n1 / 0")["stdout"] == "hi\nho"


@pytest.mark.parametrize(
    "code",
    [
        "while True: print('x' * 300)",
        "result = 1\ntry:\n    while True: print('é' * 300)\nexcept BaseException: pass",
    ],
)
def test_too_much_printed(code: str) -> None:
    told = outcome(code)
    assert told["error"]["kind"] == "too-much-output"
    assert 0 < len(told["stdout"].encode()) <= 1_000
    assert "result" not in told


def test_too_large_a_result() -> None:
    assert outcome("result = 'x' * 9_000")["result"] == "x" * 9_000
    assert outcome("result = 'x' * 10_000")["error"]["kind"] == "too-much-output"
