"""What verbs say of themselves: help, examples that work, and the nearest name for a mistake."""

from __future__ import annotations

import io
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from router.cli.main import GROUPS, VERBS, parser
from router.cli.usage import VARIABLES, Example, Usage
from tests.support.cli import EXAMPLE, ROOT, run

# Those that need neither a project, nor a router, nor wrangler, with their exit code: 2 for
# `router diff` of two files that differ.
ALONE = {
    "validate": 0,
    "test": 0,
    "explain": 0,
    "keys": 0,
    "import": 0,
    "schema": 0,
    "diff": 2,
    "completion": 0,
}
AT_A_ROUTER = ("--remote", "`router dev`", "of a cluster")


def usage_of(verb: str) -> Usage:
    usage: Usage = __import__(
        f"router.cli.{verb}{'_' * (verb == 'import')}", fromlist=["USAGE"]
    ).USAGE
    return usage


def examples() -> list[tuple[str, Example]]:
    return [(verb, example) for verb in VERBS for example in usage_of(verb).examples]


def words_of(line: str) -> list[str]:
    """The arguments of `router` in an example, without pipes and files for its streams."""
    line = line.removeprefix('eval "$(').removesuffix(')"')
    command = next(part for part in line.split(" | ") if part.startswith("router "))
    return shlex.split(re.split(r" [<>] ", command)[0])[1:]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_examples_exit_codes_and_environment(
    capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    usage = usage_of(verb)
    assert len(usage.examples) >= 2
    assert len({example.line for example in usage.examples}) == len(usage.examples)
    assert 0 in usage.exits
    code, out, _ = run(capsys, verb, "--help")
    assert code == 0
    for example in usage.examples:
        assert f"  # {example.what}\n  $ {example.line}\n" in out
        assert words_of(example.line)[0] == verb
    exits = out.partition("\nexit codes:\n")[2].partition("\n\nenvironment:\n")[0]
    assert re.findall(r"^  (\d+) ", exits, re.M) == [
        str(code) for code in sorted({2, 130, *usage.exits})
    ]
    for name in usage.variables:
        assert re.search(rf"^  {name} +\S", out, re.M)


@pytest.mark.parametrize(("verb", "example"), examples(), ids=lambda each: str(each)[:60])
def test_an_example_is_accepted(verb: str, example: Example) -> None:
    assert parser(verb).parse_args(words_of(example.line)).run


MANIFESTS = {
    "gateway.yaml": """\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: shop}
spec:
  gatewayClassName: any
  listeners: [{name: http, protocol: HTTP, port: 80, hostname: shop.example.com}]
""",
    "httproutes.yaml": """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop}
spec:
  parentRefs: [{name: shop}]
  rules: [{backendRefs: [{name: shop, port: 80}]}]
""",
}


def alone() -> list[tuple[str, str]]:
    return [
        (verb, example.line)
        for verb, example in examples()
        if verb in ALONE and not any(word in f"{example}" for word in AT_A_ROUTER)
    ]


@pytest.mark.parametrize(("verb", "line"), alone(), ids=lambda each: each[:60])
def test_an_example_works(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    verb: str,
    line: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    text = Path(EXAMPLE).read_text()
    (tmp_path / "routes.yaml").write_text(text)
    (tmp_path / "routes.test.yaml").write_text((ROOT / "routes.test.yaml").read_text())
    (tmp_path / "base.yaml").write_text(text.replace("canary: 5", "canary: 20"))
    for name in ("gateway.yaml", "httproutes.yaml"):
        (tmp_path / name).write_text(MANIFESTS[name])
    if line.endswith("< key.txt"):
        monkeypatch.setattr("sys.stdin", _Stdin(b"example-core-key\n"))
    code, out, err = run(capsys, *words_of(line))
    assert code == ALONE[verb], out + err
    assert "router:" not in err


class _Stdin:
    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)

    def isatty(self) -> bool:
        return False


NOT_VARIABLES = {
    # bindings of the Worker, and a variable that only it reads
    *("ROUTER_LIMITER", "ROUTER_COORDINATOR", "ROUTER_WORKERS", "ROUTER_OUTBOUND"),
    "ROUTER_RESOLVER",
    "ROUTER_UPLOAD_IS_ONLY_TRIED",  # between our own processes
    "ROUTER_ENTRY",  # of tests and benchmarks
}


def test_every_variable_that_is_read_is_told() -> None:
    named = set[str]()
    for room in ("api", "cli", "dev", "drill", "publishing", "settle", "terminal"):
        for path in (ROOT / "router" / room).glob("*.py"):
            if path.name not in ("usage.py", "entry_check.py"):
                named.update(re.findall(r"\bROUTER_[A-Z_]+\b", path.read_text()))
    told = {name for verb in VERBS for name in usage_of(verb).variables}
    ours = {name for name in told if name.startswith("ROUTER_")}
    assert named - NOT_VARIABLES == ours
    assert ours <= VARIABLES.keys()


def test_the_documentation_has_every_variable() -> None:
    page = (ROOT / "docs" / "command-line.md").read_text()
    section = page.partition("## Environment variables\n")[2].partition("\n## ")[0]
    assert sorted(re.findall(r"(?m)^\| `(\w+)` \|", section)) == sorted(VARIABLES)


def test_the_overview_has_every_verb_in_a_group(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--help")
    assert code == 0
    for title, verbs in GROUPS:
        block = out.partition(f"\n{title}:\n")[2].partition("\n\n")[0]
        assert [line.split()[0] for line in block.splitlines()] == [*verbs]
        for line in block.splitlines():
            assert len(line) <= 110


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["valdate"], "router has no command `valdate`: did you mean `validate`?"),
        (["frobnicate"], "router has no command `frobnicate`: `router --help` lists all"),
        (["--versoin"], "router has no option `--versoin`: did you mean `--version`?"),
        ([], "no command is given: `router --help` lists all"),
        (["validate", EXAMPLE, "--jsn"], "router validate has no option `--jsn`: did you mean"),
        (
            ["explain", EXAMPLE, "--ulr=x"],
            "router explain has no option `--ulr`: did you mean",
        ),
        (["drill", "strt"], "router drill has no command `strt`: did you mean `start`?"),
        (["drill", "start", "--regin", "eu"], "router drill start has no option `--regin`: did"),
        (["rollout", "aprove"], "router rollout has no command `aprove`: did you mean `approve`?"),
        (["rollout", "settle", "--to", "promot"], "there is no `promot`: did you mean `promote`?"),
        (["keys", "nwe", "id"], "router keys has no command `nwe`: did you mean `new`?"),
        (["validate"], "validate: the following arguments are required: FILE: `router validate -"),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_a_mistake_is_answered_with_the_nearest_name(
    capsys: pytest.CaptureFixture[str], given: list[str], told: str, as_json: bool
) -> None:
    code, out, err = run(capsys, *given, *(["--json"] if as_json and given else []))
    assert code == 2
    assert err.startswith("router: ")
    assert told in err
    assert err.count("\n") == 1
    if as_json and given:
        document: dict[str, Any] = json.loads(out)
        assert document.keys() == {"error", "where", "hint"}
        assert f"{document['error']}: {document['hint']}" in err
        assert document["where"].startswith("router")
    else:
        assert out == ""


def test_a_value_may_look_like_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    """After `--` and with spaces, it is no option."""
    code, _, err = run(capsys, "validate", "--", "--jsn")
    assert (code, "cannot read --jsn" in err) == (2, True)
    code, _, err = run(capsys, "explain", EXAMPLE, "--url", "http://h/", "-H", "--not a: header")
    assert code == 0, err
