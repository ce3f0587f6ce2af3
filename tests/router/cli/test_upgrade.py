"""`router upgrade`: what a project of an earlier version has to change, and nothing else."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from policies.compiled.tables import FORMAT, form_text
from policies.language.compile.compile import compile_policy
from policies.language.load import load
from router import __version__
from router.cli.upgrade import format_of, kv_steps
from router.dev.layout import MAIN
from router.dev.upgrade import config_steps
from router.edge.isolate.keys import COMPILED_PREFIX, POLICY_KEY
from router.scaffold.workflow import workflow_text
from tests.router.publishing.making import FakeKv
from tests.support.cli import ROOT, run
from tests.support.project import FILES, write_project

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("ROUTER_ENV", raising=False)
    monkeypatch.delenv("CLOUDFLARE_ENV", raising=False)
    root = write_project(tmp_path)
    monkeypatch.chdir(root)
    return root


def replaced(root: Path, name: str, old: str, new: str) -> None:
    text = (root / name).read_text()
    assert old in text
    (root / name).write_text(text.replace(old, new))


def test_a_project_of_this_version(project: Path, capsys: Capture) -> None:
    code, out, err = run(capsys, "upgrade", "--check")
    assert (code, err) == (0, "")
    assert out == f"nothing to do: {project} is as version {__version__} wants it\n"
    code, out, _ = run(capsys, "upgrade", "--check", "--json")
    assert (code, json.loads(out)) == (
        0,
        {"version": __version__, "format": FORMAT, "up_to_date": True, "steps": []},
    )


def test_our_own_project(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert run(capsys, "upgrade", "--check")[0] == 0


CASES: list[tuple[str, str, str, str, str, str]] = [
    (
        *("wrangler.toml", 'date = "2026-11-17"', 'date = "2026-03-01"', "wrangler.toml"),
        *("compatibility_date is 2026-03-01", 'compatibility_date = "2026-11-17"'),
    ),
    (
        *("wrangler.toml", ', "disable_python_no_global_handlers"', "", "wrangler.toml"),
        "compatibility_flags without disable_python_no_global_handlers",
        'compatibility_flags = ["python_workers", "disable_python_no_global_handlers"]',
    ),
    (
        *("wrangler.toml", "router stage", "python -m router.dev.stage", "wrangler.toml"),
        *("build.command is `python -m router.dev.stage`", 'build = { command = "router stage" }'),
    ),
    (
        *("wrangler.toml", '"router/**/*.js", ', "", "wrangler.toml"),
        "rules without router/**/*.js",
        'rules = [{ type = "ESModule", globs = ["router/**/*.js", "workers_runtime/**/*.js"] }]',
    ),
    (
        *("wrangler.toml", 'new_sqlite_classes = ["Coordinator"]', "", "wrangler.toml"),
        "no migration of Coordinator",
        'migrations = [{ tag = "coordinator", new_sqlite_classes = ["Coordinator"] }]',
    ),
    (
        *("wrangler.toml", 'name = "ROUTER_LIMITER"', 'name = "LIMITER"', "wrangler.toml"),
        "no binding ROUTER_LIMITER",
        'durable_objects = { bindings = [{ name = "ROUTER_LIMITER", class_name = "Limiter" }] }',
    ),
    (
        *("router.toml", "workers =", "wrokers =", "router.toml"),
        '[dev] takes `workers = ["../api"]` and `command = "…"` only',
        "what this version takes, or nothing",
    ),
    (
        *("routes.yaml", "pool: spare}", "pools: spare}", "routes.yaml:5:27"),
        *("variants.spare.pools: there is no field `pools` here", "did you mean `pool`?"),
    ),
]


@pytest.mark.parametrize(("name", "old", "new", "file", "found", "write"), CASES)
def test_a_step(
    project: Path,
    capsys: Capture,
    name: str,
    old: str,
    new: str,
    file: str,
    found: str,
    write: str,
) -> None:
    replaced(project, name, old, new)
    code, out, _ = run(capsys, "upgrade", "--check", "--json")
    assert code == 1
    assert {"file": file, "found": found, "write": write} in json.loads(out)["steps"]
    code, out, _ = run(capsys, "upgrade")
    assert code == 0
    assert out.splitlines()[0].split() == ["FILE", "FOUND", "WRITE"]
    [line] = [line for line in out.splitlines() if found in line]
    assert (line.startswith(f"{file} "), line.endswith(write)) == (True, True)
    assert out.splitlines()[-1].endswith(f" to version {__version__}")


def test_a_workflow_in_the_root_of_the_repository(project: Path, capsys: Capture) -> None:
    """That is where `router init` writes it, since GitHub reads it there."""
    (project.parent / ".git").mkdir()
    workflow = project.parent / ".github" / "workflows" / "router.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(workflow_text("0.0.1", Path("router")))
    code, out, _ = run(capsys, "upgrade", "--check", "--json")
    steps = json.loads(out)["steps"]
    assert code == 1
    assert {step["file"].partition(":")[0] for step in steps} == {
        "../.github/workflows/router.yml",
    }
    assert {step["write"] for step in steps} == {f"fiberwise-router=={__version__}"}


def test_pinned_versions(project: Path, capsys: Capture) -> None:
    workflow = project / ".github" / "workflows" / "policy.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(
        "steps:\n  - run: pip install 'fiberwise-router[cli]==0.0.9'\n"
        f"  - run: uvx fiberwise-router@0.0.8 validate\n  - run: pip install fiberwise-router\n"
        f"  - run: pip install fiberwise-router=={__version__}\n"
    )
    (project / "requirements-dev.txt").write_text("fiberwise-router == 0.0.7\n")
    steps = json.loads(run(capsys, "upgrade", "--json")[1])["steps"]
    assert [(step["file"], step["write"]) for step in steps] == [
        (".github/workflows/policy.yml:2", f"fiberwise-router[cli]=={__version__}"),
        (".github/workflows/policy.yml:3", f"fiberwise-router@{__version__}"),
        ("requirements-dev.txt:1", f"fiberwise-router == {__version__}"),
    ]


@pytest.mark.parametrize(
    ("name", "read"), [("wrangler.toml", tomllib.loads), ("wrangler.jsonc", json.loads)]
)
def test_what_is_to_be_written_is_enough(name: str, read: Callable[[str], Any]) -> None:
    """Whoever has nothing, and writes all of it, has nothing left to do."""
    lines = list(dict.fromkeys(step.write for step in config_steps({"main": MAIN}, name)))
    config: dict[str, Any] = {}
    for line in lines:
        for key, value in read(line if name.endswith(".toml") else f"{{{line}}}").items():
            if key == "durable_objects":
                config.setdefault(key, {"bindings": []})["bindings"] += value["bindings"]
            elif isinstance(value, list):
                config[key] = [*config.get(key, []), *value]
            else:
                config[key] = value
    assert list(config_steps(config, name)) == []


def test_an_environment(project: Path, capsys: Capture) -> None:
    text = FILES["router/wrangler.toml"] + '\n[env.staging]\nname = "staging"\n'
    (project / "wrangler.toml").write_text(text)
    steps = json.loads(run(capsys, "upgrade", "--env", "staging", "--json")[1])["steps"]
    assert [(step["file"], step["found"]) for step in steps] == [
        ("wrangler.toml [env.staging]", "no KV namespace POLICIES"),
        ("wrangler.toml [env.staging]", "no binding ROUTER_LIMITER"),
        ("wrangler.toml [env.staging]", "no binding ROUTER_COORDINATOR"),
    ]
    assert json.loads(run(capsys, "upgrade", "--json")[1])["steps"] == []


def test_the_compiled_form_in_kv() -> None:
    kv = FakeKv()
    assert list(kv_steps(kv)) == []
    data = FILES["router/routes.yaml"].encode()
    loaded = load(data)
    assert loaded.policy
    form = form_text(compile_policy(loaded.policy, loaded.digest))
    assert format_of(form) == FORMAT
    kv.put(POLICY_KEY, data)
    [step] = kv_steps(kv)
    assert (step.found[:16], step.write) == ("no compiled form", "router push routes.yaml")
    key = COMPILED_PREFIX + loaded.digest
    kv.put(key, form.replace(f'"format":{FORMAT}'.encode(), b'"format":3'))
    [step] = kv_steps(kv)
    assert step.found == f"a compiled form of format 3: this version has {FORMAT}"
    kv.put(key, form)
    assert list(kv_steps(kv)) == []
    for broken in (b"", b"[]", b"\xff", b'{"format": "x"}'):
        assert format_of(broken) is None
