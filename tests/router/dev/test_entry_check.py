"""What `make entry-check` says, by what has come of the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.dev.bundle import workerd_binary
from router.dev.entry_check import TESTS, Case, cases, verdict
from router.dev.layout import WORKERD, Layout, SetupError, find_root

WELL = [Case(f"test_{n}[{way}-x]", "") for way in ("javascript", "python") for n in range(3)]
REPORT = """<testsuites><testsuite>
<testcase name="test_a[javascript]"/>
<testcase name="test_b[javascript]"><failure message="assert 1 == 2">trace</failure></testcase>
<testcase name="test_a[python]"><error message="failed on setup">trace</error></testcase>
</testsuite></testsuites>"""


def failing(way: str) -> list[Case]:
    return [case._replace(said="assert False") if way in case.name else case for case in WELL]


@pytest.mark.parametrize(
    ("found", "is_well", "said"),
    [
        (WELL, True, ["entry in javascript  ok, 3 tests", "entry in python      ok, 3 tests"]),
        (failing("javascript"), False, ["FAILS: 3 of 3", "ROUTER_ENTRY to `python`"]),
        (failing("python"), False, ["entry in javascript  ok", "FAILS: 3 of 3"]),
        (failing("test_"), False, ["another pyodide than 314.0.6"]),
        (failing("test_1[python"), False, ["FAILS: 1 of 3 tests, first test_1[python-x]: assert"]),
        (WELL[:3], False, ["entry in python      not tried"]),
        ([], False, ["not tried"]),
    ],
)
def test_it_says_plainly(found: list[Case], is_well: bool, said: list[str]) -> None:
    lines, well = verdict("2.0", "1.0", "314.0.6", found)
    assert well == is_well
    assert lines[0] == "workerd 2.0, the newest (in use is 1.0)"
    for each in said:
        assert each in "\n".join(lines)


def test_it_says_that_there_is_nothing_newer() -> None:
    assert verdict("1.0", "1.0", "", WELL)[0][0] == "workerd 1.0, the newest (the one in use)"


def test_what_pytest_reports() -> None:
    assert cases(REPORT) == [
        Case("test_a[javascript]", ""),
        Case("test_b[javascript]", "assert 1 == 2"),
        Case("test_a[python]", "failed on setup"),
    ]


def test_the_tests_are_there() -> None:
    assert (find_root() / TESTS).is_file()


def test_what_is_made_for_another_workerd_is_kept_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(find_root())
    usual = layout.build, workerd_binary(layout.kit)
    other = tmp_path / "workerd"
    monkeypatch.setenv(WORKERD, str(other))
    with pytest.raises(SetupError, match="missing"):
        workerd_binary(layout.kit)
    other.touch()
    assert workerd_binary(layout.kit) == other
    assert layout.build != usual[0]
    monkeypatch.setenv(WORKERD, "")
    assert (layout.build, workerd_binary(layout.kit)) == usual
