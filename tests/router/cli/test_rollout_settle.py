"""`router rollout settle`: how a rollout ended, what is shown, what is written, and when not."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from router.api.client import Refused
from tests.router.cli.rollouts import Router, told_of
from tests.support.cli import EXAMPLE, run

POLICY = """\
version: 1
variants:
  production: { binding: PRODUCTION, pool: production }
  canary: { binding: CANARY, pool: canary }

# How v2 comes.
rollouts:
  - name: agents-v2
    routes: [agents]
    from: production
    to: canary
    steps:
      - { weight: 5, hold: 10m }
      - { weight: 100, hold: 10m }

routes:
  - name: agents
    split: { production: 95, canary: 5 } # one in twenty
"""
SPLIT = "{ production: 95, canary: 5 }"
PROMOTED = POLICY.replace(SPLIT, "{ production: 0, canary: 100 }")
ROLLED_BACK = POLICY.replace(SPLIT, "{ production: 100, canary: 0 }")
DONE = told_of(state="succeeded", weight=100)


@pytest.fixture
def router(monkeypatch: pytest.MonkeyPatch) -> Router:
    made = Router()
    monkeypatch.setattr("router.cli.rollout_settle.client_for", lambda args: made)
    made.has(DONE)
    return made


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "routes.yaml"
    path.write_text(POLICY)
    return path


@pytest.mark.parametrize(
    ("told", "settled"),
    [
        ({}, PROMOTED),
        ({"weight": 25}, POLICY.replace(SPLIT, "{ production: 75, canary: 25 }")),
        ({"state": "rolled-back", "weight": 0}, ROLLED_BACK),
        ({"state": "rolled-back", "weight": None}, POLICY),
    ],
)
def test_the_router_says_how_it_ended(
    capsys: pytest.CaptureFixture[str],
    router: Router,
    file: Path,
    told: dict[str, object],
    settled: str,
) -> None:
    router.has(DONE | told)
    code, out, _ = run(capsys, "rollout", "settle")
    assert (code, file.read_text()) == (0, settled)
    assert router.asked == [("GET", "rollouts/agents-v2")]
    if settled == POLICY:
        assert out == "routes.yaml has these weights already: nothing to change\n"
    else:
        assert f"-    split: {SPLIT} # one in twenty\n+    split: {{ production: " in out
        assert "settled agents-v2 in routes.yaml\nPublish it with `router push" in out
        assert run(capsys, "rollout", "settle")[1].endswith("nothing to change\n")


@pytest.mark.parametrize(("to", "settled"), [("promote", PROMOTED), ("rollback", ROLLED_BACK)])
def test_without_a_router(
    capsys: pytest.CaptureFixture[str], router: Router, file: Path, to: str, settled: str
) -> None:
    assert run(capsys, "rollout", "settle", "agents-v2", "--to", to)[0] == 0
    assert (file.read_text(), router.asked) == (settled, [])


def test_removal(capsys: pytest.CaptureFixture[str], router: Router, file: Path) -> None:
    code, out, _ = run(capsys, "rollout", "settle", "--remove")
    begin, end = PROMOTED.index("# How v2"), PROMOTED.index("routes:\n  - name: agents\n")
    assert (code, file.read_text()) == (0, PROMOTED[:begin] + PROMOTED[end:])
    assert "-# How v2 comes.\n-rollouts:\n" in out
    page = (Path(EXAMPLE).parent / "docs" / "rollouts.md").read_text(encoding="utf-8")
    assert f"$ router rollout settle agents-v2 --remove\n{out}```\n" in page


def test_a_dry_run(capsys: pytest.CaptureFixture[str], router: Router, file: Path) -> None:
    code, out, _ = run(capsys, "rollout", "settle", "--dry-run")
    assert (code, file.read_text()) == (0, POLICY)
    assert "+    split: { production: 0, canary: 100 } # one in twenty\n" in out
    assert out.endswith("dry run: nothing was written\n")


def test_for_programs(capsys: pytest.CaptureFixture[str], router: Router, file: Path) -> None:
    weights = {
        "production": {"before": 95.0, "after": 0.0},
        "canary": {"before": 5.0, "after": 100.0},
    }
    document = {"file": "routes.yaml", "rollout": "agents-v2", "routes": {"agents": weights}}
    for more, written in (["--dry-run"], False), ([], True):
        code, out, _ = run(capsys, "rollout", "settle", "--json", *more)
        assert code == 0
        assert json.loads(out) == document | {"changed": True, "written": written}
    assert file.read_text() == PROMOTED


@pytest.mark.parametrize("state", ["waiting", "running", "gate", "paused", "held"])
def test_what_is_not_finished_is_refused(
    capsys: pytest.CaptureFixture[str], router: Router, file: Path, state: str
) -> None:
    router.has(told_of(state=state))
    code, out, err = run(capsys, "rollout", "settle")
    assert (code, out, file.read_text()) == (1, "", POLICY)
    assert f"agents-v2 is not finished ({state}): wait" in err
    assert "--to promote" in err


@pytest.mark.parametrize(
    "told", [{"to": "other"}, {"routes": ["agents", "pages"]}, {"from": "canary"}]
)
def test_another_rollout_of_that_name_is_refused(
    capsys: pytest.CaptureFixture[str], router: Router, file: Path, told: dict[str, object]
) -> None:
    router.has(DONE | told)
    code, _, err = run(capsys, "rollout", "settle")
    assert (code, file.read_text()) == (1, POLICY)
    assert "differs from the router's" in err


def test_a_router_that_does_not_know_it(
    capsys: pytest.CaptureFixture[str], router: Router, file: Path
) -> None:
    router.has(DONE | {"name": "agents-v3"})
    code, _, err = run(capsys, "rollout", "settle")
    assert code == 1
    assert "there is no rollout agents-v2: did you mean agents-v3?" in err
    router.says("rollouts/agents-v2", Refused("away", 503, {"code": "coordinator-unavailable"}))
    assert run(capsys, "rollout", "settle")[0] == 1


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["--file", "none.yaml"], 2, "cannot read none.yaml"),
        (["--file", "-"], 2, "--file cannot be standard input"),
        (["--file", "plain.yaml", "agents-v2"], 1, "the policy has no rollouts"),
        (["agents-v4"], 1, "no rollout agents-v4: did you mean agents-v2?"),
    ],
)
def test_which_file_and_rollout(
    capsys: pytest.CaptureFixture[str],
    router: Router,
    file: Path,
    args: list[str],
    code: int,
    said: str,
) -> None:
    begin, end = POLICY.index("rollouts:"), POLICY.index("routes:\n  - name: agents\n")
    (file.parent / "plain.yaml").write_text(POLICY[:begin] + POLICY[end:])
    found, out, err = run(capsys, "rollout", "settle", *args)
    assert (found, out) == (code, "")
    assert said in err


def test_a_policy_that_is_not_valid_stays_as_it_is(
    capsys: pytest.CaptureFixture[str], router: Router, file: Path
) -> None:
    file.write_text(before := POLICY.replace("pool: canary", "pol: canary"))
    code, out, err = run(capsys, "rollout", "settle", "--to", "promote")
    assert (code, out, file.read_text()) == (1, "", before)
    assert "unknown-field" in err


def test_what_would_not_be_valid_is_not_written(
    capsys: pytest.CaptureFixture[str], router: Router, file: Path
) -> None:
    """Together they are more than one weight can be."""
    before = POLICY.replace(SPLIT, "{ production: 1000000, canary: 1000000 }")
    file.write_text(before)
    code, out, err = run(capsys, "rollout", "settle")
    assert (code, out, file.read_text()) == (1, "", before)
    assert "bad-weight" in err
    assert "the settled routes.yaml would not be valid" in err


def test_at_a_terminal_somebody_is_asked(
    capsys: pytest.CaptureFixture[str], router: Router, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda: "no")
    code, out, err = run(capsys, "rollout", "settle")
    assert (code, file.read_text()) == (1, POLICY)
    assert "+    split:" in out  # first seen, then asked
    assert err.endswith("Write this to routes.yaml? [y/N] router: nothing was written\n")
    assert run(capsys, "rollout", "settle", "--yes")[0] == 0
    assert file.read_text() == PROMOTED


def test_a_link_stays_a_link_and_the_mode_what_it_is(
    capsys: pytest.CaptureFixture[str], router: Router, file: Path
) -> None:
    (file.parent / "policies").mkdir()
    target = file.rename(file.parent / "policies" / "real.yaml")
    target.chmod(0o640)
    file.symlink_to(target)
    assert run(capsys, "rollout", "settle")[0] == 0
    assert file.is_symlink()
    assert target.read_text() == PROMOTED
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert os.listdir(target.parent) == ["real.yaml"]  # and nothing is left beside it


def test_a_folder_that_cannot_be_written(
    capsys: pytest.CaptureFixture[str], router: Router, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("router.cli.rollout_settle.write_if_changed", refuse)
    code, _, err = run(capsys, "rollout", "settle")
    assert (code, file.read_text()) == (1, POLICY)
    assert "cannot write" in err
    assert "Permission denied" in err


def test_the_shipped_policy(capsys: pytest.CaptureFixture[str], router: Router, file: Path) -> None:
    shipped = Path(EXAMPLE).read_text(encoding="utf-8")
    file.write_text(shipped)
    assert run(capsys, "rollout", "settle", "--to", "promote")[0] == 0
    wanted = shipped.replace("production: 95\n", "production: 0\n")
    assert file.read_text() == wanted.replace("canary: 5\n", "canary: 100\n")
    assert run(capsys, "rollout", "settle", "--to", "rollback", "--remove")[0] == 0
    assert "rollouts:" not in file.read_text()
    assert "      production: 100\n      canary: 0\n" in file.read_text()
    assert run(capsys, "validate", "routes.yaml")[0] == 0
