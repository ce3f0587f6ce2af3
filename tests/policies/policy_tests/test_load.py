"""Files of cases are read whole, or all that is wrong with them is told, with its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.policy_tests.load import load_cases

VALID = """\
version: 1
cases:
  - name: a case
    request: { url: "https://h.test/a", method: POST, headers: { X-A: "1" }, country: DE }
    expect:
      route: r
      forwarded: { path: /a, headers: { x-b: null } }
      shares: { canary: 5% }
      within: 0.5%
"""


def test_a_valid_file() -> None:
    loaded = load_cases(VALID.encode())
    assert loaded.findings == ()
    assert loaded.cases
    (case,) = loaded.cases.cases
    assert case.expect.forwarded
    assert case.expect.forwarded.headers == {"x-b": None}
    assert (case.expect.shares, case.expect.within) == ({"canary": 0.05}, 0.005)
    assert loaded.place(("cases", 0, "expect", "route")) == (6, 14)


WRONG = [
    ("route: r", "rote: r", "unknown-field", "cases[0].expect.rote", 6, 7, "did you mean `route`?"),
    ("url:", "uri:", "missing-field", "cases[0].request.url", 4, 14, "add `url`"),
    ("https://", "", "bad-value", "cases[0].request.url", 4, 21, "https://api.example.com/v1"),
    ("a case", '""', "bad-name", "cases[0].name", 3, 11, "1 to 200"),
    ("5%", "5", "bad-value", "cases[0].expect.shares.canary", 8, 25, "`20%`"),
    ("DE", "Germany", "bad-region-code", "cases[0].request.country", 4, 87, "`DE`"),
    ("      shares: { canary: 5% }\n", "", "unused-field", "cases[0].expect", 6, 7, "leave it out"),
    ("version: 1", "version: 2", "unknown-value", "version", 1, 10, "`1`"),
    (VALID, "version: 1\ncases: []\n", "empty", "cases", 2, 8, "at least one"),
    (VALID, "[]", "yaml-not-a-mapping", "$", 1, 1, "begin with `version: 1`"),
]


@pytest.mark.parametrize(("old", "new", "code", "path", "line", "column", "hint"), WRONG)
def test_findings(
    old: str, new: str, code: str, path: str, line: int, column: int, hint: str
) -> None:
    loaded = load_cases(VALID.replace(old, new).encode())
    assert loaded.cases is None
    told = {(each.code, each.path): each for each in loaded.findings}
    found = told[code, path]
    assert (found.line, found.column) == (line, column)
    assert hint in found.hint


def test_two_cases_of_one_name() -> None:
    twice = VALID + VALID.partition("cases:\n")[2]
    (found,) = load_cases(twice.encode()).findings
    assert (found.code, found.path, found.line) == ("bad-name", "cases[1].name", 10)


def test_expecting_nothing_is_an_error() -> None:
    text = VALID.partition("    expect:")[0] + "    expect: {}\n"
    (found,) = load_cases(text.encode()).findings
    assert (found.code, found.path) == ("empty", "cases[0].expect")


@given(st.binary(max_size=300))
def test_any_bytes_give_findings(data: bytes) -> None:
    assert load_cases(data).findings
