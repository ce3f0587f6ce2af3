"""What is said of an agent's code, by this Python; at the edge the sandbox says it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.core.making import checked
from tests.support.examples import examples


def check(code: str) -> dict[str, object]:
    found: dict[str, object] = checked({"code": code}).result
    return found


@pytest.mark.parametrize(("about", "code", "needs"), [
    ("it has one parameter", "def run_agent(input_data): return 1", []),
    ("it is async", "async def run_agent(data): return await x", []),
    ("the module awaits", "import x\nawait x.y()\ndef run_agent(data): pass", []),
    ("others are needed", "def run_agent(a, fiber, llm=None, *, storage, d=1): pass",
     ["fiber", "storage"]),
    ("the first has a default", "def run_agent(a={}, b=1): pass", []),
    ("the first has no name", "def run_agent(a, /, b): pass", ["b"]),
    ("it takes anything", "def run_agent(*args, **more): pass", []),
    ("it is there if", "try:\n  import x\nexcept ImportError:\n  def run_agent(a): pass", []),
    ("the last one counts", "def run_agent(): pass\ndef run_agent(a, b): pass", ["b"]),
])  # fmt: skip
def test_code_of_agents(about: str, code: str, needs: list[str]) -> None:
    assert check(code) == {"needs": needs}


@pytest.mark.parametrize(("about", "code", "line", "error"), [
    ("no Python", "def run_agent(data):\n  return (", 2, "SyntaxError: '(' was never closed"),
    ("badly indented", "x = 1\n  y = 2", 2, "IndentationError: unexpected indent"),
    ("return outside", "def run_agent(a): pass\nreturn 1", 2, "SyntaxError: 'return' outside"),
    ("none", "x = 1\ny = 2\n\n", 2, "there is no function `run_agent`; add `def run_agent"),
    ("nearly", "x = 1\ndef run_agnet(a): pass", 2, "did you mean it by `run_agnet`?"),
    ("a method", "class A:\n  def run_agent(self, a): pass", 2, "there is no function"),
    ("inside", "def f():\n  def run_agent(a): pass", 2, "there is no function"),
    ("no parameter", "x = 1\ndef run_agent(): pass", 2, "`run_agent` takes no parameter"),
    ("two without names", "def run_agent(a, b, /): pass", 1, "gets all but its first"),
    ("a null byte", "def run_agent(a): pass\0", 1, "null bytes"),
    ("half a character", "def run_agent(a): '\ud800'", 1, "Python cannot read it: Unicode"),
    ("too deep", f"def run_agent(a): return {'(' * 300}{')' * 300}", 1, "too many nested"),
])  # fmt: skip
def test_code_that_is_no_agent(about: str, code: str, line: int, error: str) -> None:
    found = check(code)
    assert found["line"] == line
    assert error in str(found["error"]) or "null bytes" in error


@given(st.text())
@examples(100)
def test_any_text_is_checked(code: str) -> None:
    assert set(check(code)) in ({"needs"}, {"line", "error"})


@pytest.mark.parametrize("sign", ["-", "~", "not ", "await "])
def test_deep_operators(sign: str) -> None:
    code = f"async def run_agent(a): return {sign * 20_000}a"
    assert "error" in check(code)
