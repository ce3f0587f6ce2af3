"""`router test`: cases beside a policy, what fails and where, exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.support.cli import EXAMPLE, run

CASES = """\
version: 1
cases:
  - name: goes to production
    request: { url: "https://h.test/" }
    expect: { pool: production }
  - name: goes to the Canary
    request: { url: "https://h.test/" }
    expect:
      pool: canary
      status: 200
"""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """A copy of the example, with a case that passes and one that fails beside it."""
    path = tmp_path / "mine.yaml"
    path.write_bytes(Path(EXAMPLE).read_bytes())
    (tmp_path / "mine.test.yaml").write_text(CASES)
    return path


def test_the_examples_own_cases_pass(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "test", EXAMPLE)
    assert code == 0, out
    assert out.endswith(f"passed {EXAMPLE}: {out.count('ok ')} cases\n")
    assert out.count("ok ") >= 12


def test_a_failure_has_its_place_and_its_steps(
    capsys: pytest.CaptureFixture[str], policy: Path
) -> None:
    code, out, _ = run(capsys, "test", str(policy))
    assert code == 1
    place = policy.with_name("mine.test.yaml")
    lines = out.splitlines()
    assert lines[:3] == [
        "ok    goes to production",
        "FAIL  goes to the Canary",
        f"    {place}:9:13 expect.pool: expected `canary`, came `production`",
    ]
    assert "      match       route default: any host, any path" in lines
    assert lines[-1] == f"failed {policy}: 1 case passed, 1 failed"


def test_json_and_junit(capsys: pytest.CaptureFixture[str], policy: Path) -> None:
    results = policy.with_name("results.xml")
    code, out, _ = run(capsys, "test", str(policy), "--json", "--junit", str(results))
    told = json.loads(out)
    assert (code, told["passed"], len(told["digest"])) == (1, False, 64)
    first, second = told["cases"]
    assert (first["passed"], first["line"], first["failures"]) == (True, 3, [])
    assert second["failures"] == [
        {
            "path": "expect.pool",
            "line": 9,
            "column": 13,
            "expected": "`canary`",
            "came": "`production`",
        }
    ]
    assert second["steps"][1]["step"] == "match"
    suite = ElementTree.parse(results).getroot()
    assert suite.attrib == {"name": str(policy), "tests": "2", "failures": "1"}
    assert [len(case) for case in suite] == [0, 1]
    assert "expected `canary`" in suite[1][0].attrib["message"]


def test_some_of_them(capsys: pytest.CaptureFixture[str], policy: Path) -> None:
    assert run(capsys, "test", str(policy), "-k", "production")[0] == 0
    code, out, _ = run(capsys, "test", str(policy), "-k", "canary")
    assert (code, "FAIL  goes to the Canary" in out) == (1, True)
    code, out, err = run(capsys, "test", str(policy), "-k", "nothing")
    assert (code, out) == (2, "")
    assert "no case has a name that contains `nothing`" in err


def test_files_of_cases(capsys: pytest.CaptureFixture[str], policy: Path) -> None:
    other = policy.with_name("other.yaml")
    other.write_text(CASES.partition("  - name: goes to the")[0])
    code, out, _ = run(capsys, "test", EXAMPLE, "--cases", str(other), str(other))
    assert (code, out.count("ok ")) == (0, 1)
    cases = policy.with_name("mine.test.yaml")
    code, out, _ = run(capsys, "test", EXAMPLE, "--cases", str(other), str(cases))
    assert (code, out.count("ok ")) == (1, 2)


def test_broken_cases(capsys: pytest.CaptureFixture[str], policy: Path) -> None:
    cases = policy.with_name("mine.test.yaml")
    cases.write_text(CASES.replace("pool: canary", "pol: canary"))
    code, out, err = run(capsys, "test", str(policy))
    assert (code, out) == (1, "")
    assert f"{cases}:9:7 error unknown-field cases[1].expect.pol" in err
    assert "hint: did you mean `pool`?" in err
    policy.write_text("version: 1\n")
    code, _, err = run(capsys, "test", str(policy))
    assert (code, "is not valid" in err) == (1, True)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "the following arguments are required: FILE"),
        (["no-such-file.yaml"], "cannot read"),
        (["-"], "give --cases"),
        ([EXAMPLE, "--cases", "no-such-file.yaml"], "cannot read no-such-file.yaml"),
        ([EXAMPLE, "--junit", "/no/such/folder/x.xml"], "cannot write"),
    ],
)
def test_wrong_use(capsys: pytest.CaptureFixture[str], args: list[str], said: str) -> None:
    code, out, err = run(capsys, "test", *args)
    assert (code, out) == (2, "")
    assert said in err


def test_no_cases_are_an_error(capsys: pytest.CaptureFixture[str], policy: Path) -> None:
    cases = policy.with_name("mine.test.yaml")
    cases.unlink()
    code, out, err = run(capsys, "test", str(policy))
    assert (code, out) == (2, "")
    assert f"write {cases}, or give --cases FILE" in err


@pytest.mark.parametrize("name", [".", "/", "x" * 300], ids=["here", "root", "long"])
def test_what_is_no_file_is_told(capsys: pytest.CaptureFixture[str], name: str) -> None:
    code, _, err = run(capsys, "test", name)
    assert (code, "router: cannot read" in err) == (2, True)


def test_junit_is_xml_whatever_is_expected(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    cases, junit = tmp_path / "cases.yaml", tmp_path / "junit.xml"
    expect = r'{ answer: { body: "a\x01\x1b\0" } }'
    case = f'{{ name: a, request: {{ url: "https://a.test/v0" }}, expect: {expect} }}'
    cases.write_text(f"version: 1\ncases:\n  - {case}\n")
    assert run(capsys, "test", EXAMPLE, "--cases", str(cases), "--junit", str(junit))[0] == 1
    assert r"expected `a\x01\x1b\x00`" in str(
        ElementTree.parse(junit).getroot()[0][0].attrib["message"]
    )


def test_standard_input_is_read_once(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "test", "-", "--cases", "-")
    assert (code, "standard input can be read only once" in err) == (2, True)
