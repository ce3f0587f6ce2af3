"""`router import`: what goes where, exit codes, files that are there already."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from policies.language.load import load
from tests.support.cli import run

ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop}
spec:
  parentRefs: [{name: edge}]
  hostnames: [shop.test]
  rules:
    - backendRefs: [{name: web, port: 80}]
"""
WORSE = ROUTE.replace("  rules:", "  rulez: []\n  rules:")


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "shop.yaml"
    path.write_text(ROUTE)
    return path


def test_the_policy_goes_to_standard_output(
    capsys: pytest.CaptureFixture[str], manifest: Path
) -> None:
    code, out, err = run(capsys, "import", str(manifest))
    assert code == 0
    assert load(out.encode()).policy
    assert err == "imported: 1 route, 1 variant; 0 errors, 0 warnings\n"


def test_what_is_left_out_is_told_and_the_rest_printed(
    capsys: pytest.CaptureFixture[str], manifest: Path
) -> None:
    manifest.write_text(WORSE)
    code, out, err = run(capsys, "import", str(manifest))
    assert code == 1
    assert load(out.encode()).policy
    assert f"{manifest}:7:3 error unknown-field spec.rulez: " in err
    assert "    hint: did you mean `rules`?\n" in err
    assert "imported in part" in err


def test_a_warning_is_no_failure(capsys: pytest.CaptureFixture[str], manifest: Path) -> None:
    manifest.write_text(ROUTE + "      retry: {attempts: 50}\n")
    code, _, err = run(capsys, "import", str(manifest))
    assert code == 0
    assert "warning differs spec.rules[0].retry.attempts" in err


def test_nothing_to_import(capsys: pytest.CaptureFixture[str], manifest: Path) -> None:
    manifest.write_text("# nothing\n")
    code, out, err = run(capsys, "import", str(manifest), "--output", str(manifest) + ".out")
    assert (code, out) == (1, "")
    assert "error empty" in err
    assert "nothing imported: 1 error" in err
    assert not Path(str(manifest) + ".out").exists()


def test_output_is_not_overwritten(
    capsys: pytest.CaptureFixture[str], manifest: Path, tmp_path: Path
) -> None:
    target = tmp_path / "routes.yaml"
    code, out, err = run(capsys, "import", str(manifest), "--output", str(target))
    assert (code, out) == (0, "")
    assert f"imported to {target}: 1 route" in err
    first = target.read_text()
    assert load(first.encode()).policy
    target.write_text("mine")
    code, _, err = run(capsys, "import", str(manifest), "--output", str(target))
    assert code == 2
    assert "--force" in err
    assert target.read_text() == "mine"
    assert run(capsys, "import", str(manifest), "-o", str(target), "--force")[0] == 0
    assert target.read_text() == first


def test_json(capsys: pytest.CaptureFixture[str], manifest: Path) -> None:
    manifest.write_text(WORSE)
    code, out, err = run(capsys, "import", str(manifest), "--json")
    told = json.loads(out)
    assert (code, err) == (1, "")
    assert (told["valid"], told["whole"]) == (True, False)
    assert told["digest"] == load(told["policy"].encode()).digest
    assert told["findings"] == [
        {
            "file": str(manifest),
            "code": "unknown-field",
            "path": "spec.rulez",
            "line": 7,
            "column": 3,
            "message": "there is no field `rulez` here",
            "hint": "did you mean `rules`?",
            "severity": "error",
        }
    ]
    manifest.write_text("a: [")
    told = json.loads(run(capsys, "import", str(manifest), "--json")[1])
    assert (told["valid"], told["policy"], told["digest"]) == (False, None, None)


def test_standard_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(ROUTE.encode())))
    code, out, _ = run(capsys, "import", "-")
    assert code == 0
    assert "HTTPRoute default/shop, rule 0 (-:8)" in out


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["no-such-file.yaml"],
        ["-", "-"],
        ["--output", "x.yaml"],
    ],
    ids=" ".join,
)
def test_wrong_use(capsys: pytest.CaptureFixture[str], args: list[str]) -> None:
    code, out, err = run(capsys, "import", *args)
    assert (code, out) == (2, "")
    assert err


def test_an_output_that_cannot_be_written(
    capsys: pytest.CaptureFixture[str], manifest: Path, tmp_path: Path
) -> None:
    code, _, err = run(capsys, "import", str(manifest), "-o", str(tmp_path / "no" / "routes.yaml"))
    assert code == 2
    assert "cannot write" in err


def test_nothing_of_a_manifest_reaches_the_terminal_raw(
    capsys: pytest.CaptureFixture[str], manifest: Path
) -> None:
    manifest.write_text(ROUTE.replace("name: edge", r'name: edge, "a\e[31m": 1'))
    _, _, err = run(capsys, "import", str(manifest))
    assert r"a\x1b[31m" in err
    assert "\x1b" not in err


def test_hosts_of_missing_gateways(capsys: pytest.CaptureFixture[str], manifest: Path) -> None:
    """14.22: nobody knows them, so the command asks."""
    manifest.write_text(ROUTE.replace("  hostnames: [shop.test]\n", ""))
    code, out, err = run(capsys, "import", str(manifest))
    assert (code, out) == (1, "")
    assert "--hostname www.example.com" in err
    code, out, err = run(
        capsys, "import", str(manifest), "--hostname", "A.test", "--hostname", "*.b.test"
    )
    assert code == 0
    assert "hostnames: [a.test, '*.b.test']" in out.replace('"', "'")
    code, out, _ = run(capsys, "import", str(manifest), "--hostname", "*")
    assert code == 0
    assert "hostnames" not in out
    code, _, err = run(capsys, "import", str(manifest), "--hostname", "https://a.test/")
    assert code == 2
    assert "--hostname: `https://a.test/` is not a hostname" in err
