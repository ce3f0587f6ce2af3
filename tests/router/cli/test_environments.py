"""Environments: which one a verb is for, what it has of its own, and what is refused."""

from __future__ import annotations

import json
import subprocess
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from router.cli import places as cli_places
from router.cli.main import parser
from router.cli.project import local_url, url_of
from router.dev.layout import Layout
from router.edge.isolate.keys import POLICY_KEY
from router.publishing.base import base_in_local_kv
from router.publishing.place import Place
from tests.router.publishing.making import FakeKv
from tests.support.cli import run
from tests.support.project import write_project

Capture = pytest.CaptureFixture[str]
ENVIRONMENTS = """
[env.staging]
kv_namespaces = [{ binding = "POLICIES", id = "fedcba9876543210fedcba9876543210" }]
services = [{ binding = "API", service = "shop-api-staging" }]

[env.qa]
name = "shop-qa"
"""
OVERLAY = """\
variants: {spare: null}
routes:
  next: {split: {canary: 3, production: 1}}
  spare: null
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("ROUTER_ENV", "CLOUDFLARE_ENV", "ROUTER_URL"):
        monkeypatch.delenv(name, raising=False)
    folder = write_project(tmp_path)
    config = folder / "wrangler.toml"
    config.write_text(config.read_text() + ENVIRONMENTS)
    (folder / "routes.staging.yaml").write_text(OVERLAY)
    monkeypatch.chdir(folder)
    return folder


# Verbs and actions that nothing of an environment belongs to.
WITHOUT = {
    "completion",
    "init",
    "import",
    "schema",
    "keys new",
    "keys hash",
    "drill",
    "rollout",
    "keys",
}


def commands(root: ArgumentParser, name: str = "") -> Iterator[tuple[str, ArgumentParser]]:
    for action in root._actions:
        if isinstance(action, _SubParsersAction):
            for word, each in action.choices.items():
                here = f"{name} {word}".strip()
                yield here, each
                yield from commands(each, here)


def test_every_verb_takes_an_environment() -> None:
    takes = {name: "--env" in each._option_string_actions for name, each in commands(parser())}
    assert {name for name, does in takes.items() if not does} == WITHOUT


UNKNOWN = {
    "validate": ("routes.yaml",),
    "test": ("routes.yaml", "--cases", "x.yaml"),
    "diff": ("routes.yaml",),
    "explain": ("routes.yaml", "--url", "http://a.test/"),
    "push": ("routes.yaml", "--json"),
    "history": (),
    "rollback": (),
    "pull": (),
    "keys check": ("routes.yaml",),
    "status": (),
    "rollout status": (),
    "drill list": (),
    "dev": (),
    "stage": (),
    "deploy": ("--dry-run",),
}


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("command", UNKNOWN)
def test_an_unknown_environment_is_told_with_those_there_are(
    command: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROUTER_ADMIN_KEY", "a-key")
    words = command.split()
    code, _, err = run(capsys, *words, *UNKNOWN[command], "--env", "stagging")
    assert code in (1, 2)
    told = "wrangler.toml has no environment stagging (it has: staging, qa): add [env.stagging]"
    assert err == f"router: {told}\n"


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("options", "variables", "digest_of"),
    [
        ((), {}, ""),
        (("--env", "staging"), {}, "staging"),
        ((), {"ROUTER_ENV": "staging"}, "staging"),
        ((), {"CLOUDFLARE_ENV": "staging"}, "staging"),
        ((), {"ROUTER_ENV": "staging", "CLOUDFLARE_ENV": "qa"}, "staging"),
        (("--env", "qa"), {"ROUTER_ENV": "staging"}, "qa"),
        (("--env", ""), {"ROUTER_ENV": "staging"}, ""),
    ],
)
def test_which_environment_it_is(
    options: tuple[str, ...],
    variables: dict[str, str],
    digest_of: str,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    code, out, _ = run(capsys, "validate", "routes.yaml", *options)
    assert code == 0
    assert ("valid routes.yaml with routes.staging.yaml: 2 routes" in out) == (
        digest_of == "staging"
    )
    assert ("valid routes.yaml: 3 routes" in out) == (digest_of != "staging")


@pytest.mark.usefixtures("project")
def test_a_name_that_cannot_be_one(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    code, _, err = run(capsys, "validate", "routes.yaml", "--env", "../x")
    assert code == 2
    assert "`../x` is not an environment: write a name of wrangler's configuration" in err
    monkeypatch.setenv("ROUTER_ENV", "a b")
    code, _, err = run(capsys, "validate", "routes.yaml")
    assert code == 2
    assert err.startswith("router: ROUTER_ENV: `a b` is not an environment")


def test_outside_of_a_project_the_overlay_must_be_there(
    project: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "wrangler.toml").unlink()
    assert run(capsys, "validate", "routes.yaml", "--env", "staging")[0] == 0
    code, _, err = run(capsys, "validate", "routes.yaml", "--env", "qa")
    assert code == 2
    assert err == "router: there is no environment qa: routes.yaml has no overlay for it\n"


@pytest.mark.usefixtures("project")
def test_the_policy_of_an_environment_can_be_printed(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    from router.cli.main import main

    assert main(["validate", "routes.yaml", "--env", "staging", "--print"]) == 0
    out, err = capfdbinary.readouterr()
    assert out.startswith(b"# routes.yaml with routes.staging.yaml: change those, not this text.\n")
    assert b"spare" not in out
    assert b"valid routes.yaml with routes.staging.yaml: 2 routes" in err
    Path("whole.yaml").write_bytes(out)
    assert main(["diff", "routes.yaml", "whole.yaml", "--env", "staging"]) == 0


def test_findings_name_the_file_that_they_are_about(project: Path, capsys: Capture) -> None:
    (project / "routes.staging.yaml").write_text("variants:\n  canary: {pol: x}\n")
    code, out, _ = run(capsys, "validate", "routes.yaml", "--env", "staging")
    assert code == 1
    assert "routes.staging.yaml:2:12 error unknown-field variants.canary.pol" in out
    assert "not valid routes.yaml with routes.staging.yaml: 1 finding" in out
    code, out, _ = run(capsys, "validate", "routes.yaml", "--env", "staging", "--json")
    [finding] = json.loads(out)["findings"]
    assert (finding["file"], finding["line"]) == ("routes.staging.yaml", 2)
    code, _, err = run(capsys, "explain", "routes.yaml", "--url", "http://a/", "--env", "staging")
    assert code == 1
    assert "routes.staging.yaml:2:12" in err


@pytest.mark.usefixtures("project")
def test_explain_and_test_have_the_overlay(project: Path, capsys: Capture) -> None:
    asked = ("explain", "routes.yaml", "--url", "http://a.test/spare", "--json")
    assert json.loads(run(capsys, *asked)[1])["route"] == "spare"
    assert json.loads(run(capsys, *asked, "--env", "staging")[1])["route"] == "all"
    request = "{url: 'http://a.test/spare'}"
    case = f"version: 1\ncases: [{{name: one, request: {request}, expect: {{route: %s}}}}]\n"
    (project / "routes.test.yaml").write_text(case % "spare")
    assert run(capsys, "test", "routes.yaml")[0] == 0
    assert run(capsys, "test", "routes.yaml", "--env", "staging")[0] == 1
    (project / "routes.staging.test.yaml").write_text(case % "all")
    assert run(capsys, "test", "routes.yaml", "--env", "staging")[0] == 0


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> dict[str, FakeKv]:
    """A KV for each folder of local state."""
    found: dict[str, FakeKv] = {}

    @contextmanager
    def local(layout: Layout, state: Path) -> Iterator[Place]:
        kv = found.setdefault(state.name, FakeKv())
        yield Place(kv, base_in_local_kv(layout.root, layout.env, state), 0.0)

    monkeypatch.setattr(cli_places, "local_place", local)
    return found


@pytest.mark.usefixtures("project")
def test_a_push_is_of_one_environment(places: dict[str, FakeKv], capsys: Capture) -> None:
    pushed = ("push", "routes.yaml", "--no-wait", "--yes")
    assert run(capsys, *pushed)[0] == 0
    code, out, _ = run(capsys, *pushed, "--env", "staging")
    assert code == 0
    assert "valid routes.yaml with routes.staging.yaml, digest" in out
    assert set(places) == {"state", "state-staging"}
    top, staging = (places[name].values[POLICY_KEY] for name in ("state", "state-staging"))
    assert top == Path("routes.yaml").read_bytes()
    assert staging.startswith(b"# routes.yaml with routes.staging.yaml")
    assert run(capsys, "diff", "routes.yaml", "--env", "staging")[0] == 0
    assert run(capsys, "diff", "routes.yaml")[0] == 0
    assert run(capsys, "diff", "routes.yaml", "--env", "qa")[1].startswith("nothing is published")
    [entry] = json.loads(run(capsys, "history", "--env", "staging", "--json")[1])["entries"]
    assert (
        entry["digest"] != json.loads(run(capsys, "history", "--json")[1])["entries"][0]["digest"]
    )


@pytest.mark.usefixtures("project", "places")
def test_what_is_live_is_not_pulled_over_a_file_with_an_overlay(capsys: Capture) -> None:
    before = Path("routes.yaml").read_bytes()
    run(capsys, "push", "routes.yaml", "--no-wait", "--yes", "--env", "staging")
    code, _, err = run(capsys, "pull", "--env", "staging")
    assert code == 1
    assert "pull it to another file (`router pull live.yaml --env staging`)" in err
    assert Path("routes.yaml").read_bytes() == before
    assert run(capsys, "pull", "live.yaml", "--env", "staging")[0] == 0
    assert run(capsys, "diff", "live.yaml", "--env", "staging")[0] == 0


def diff(capsys: Capture, *more: str) -> dict[str, Any]:
    _, out, _ = run(capsys, "diff", "routes.yaml", "--json", *more)
    told: dict[str, Any] = json.loads(out)
    return told


@pytest.mark.usefixtures("project")
def test_the_difference_between_environments(capsys: Capture) -> None:
    told = diff(capsys, "--env", "staging", "--with-env", "")
    assert [each["text"] for each in told["changes"]] == [
        "variant spare is gone: pool spare, binding SPARE",
        "route next: pool canary gets 75% of the requests, not 100%",
        "route next: pool production gets 25% of the requests, not 0%",
        "route spare is gone: path prefix /spare, split spare 100%",
    ]
    back = diff(capsys, "--with-env", "staging")
    assert back["digests"] == {
        "before": told["digests"]["after"],
        "after": told["digests"]["before"],
    }
    assert diff(capsys, "--env", "qa", "--with-env", "")["same"]
    code, out, _ = run(capsys, "diff", "routes.yaml", "--env", "staging", "--with-env", "")
    assert code == 2
    assert "--- routes.yaml (top level), digest" in out
    assert "+++ routes.yaml with routes.staging.yaml, digest" in out
    code, _, err = run(capsys, "diff", "routes.yaml", "--with-env", "nowhere")
    assert (code, "has no environment nowhere" in err) == (1, True)
    for more in (["other.yaml"], ["--local"], ["--url", "http://a"]):
        assert run(capsys, "diff", "routes.yaml", *more, "--with-env", "qa")[0] == 1


def test_with_git_any_version_of_both_files_is_a_base(
    project: Path, places: dict[str, FakeKv], capsys: Capture
) -> None:
    pushed = ("push", "routes.yaml", "--no-wait", "--yes", "--env", "staging", "--base", "git")
    commit(project, "both files")
    assert run(capsys, *pushed)[0] == 0
    (project / "routes.staging.yaml").write_text("{}")
    commit(project, "another overlay, which nobody pushed")
    with (project / "routes.yaml").open("a") as file:
        file.write("limits: {body: 1MiB}\n")
    commit(project, "another policy")
    assert run(capsys, *pushed)[0] == 0
    assert b"limits: { body: 1MiB }" in places["state-staging"].values[POLICY_KEY]
    (project / "routes.staging.yaml").write_text("limits: {body: 2MiB}\n")
    assert run(capsys, *pushed[:-2], "--force")[0] == 0  # of nothing that is committed
    (project / "routes.staging.yaml").write_text("limits: {body: 3MiB}\n")
    commit(project, "an overlay without that push")
    code, _, err = run(capsys, *pushed)
    assert code == 1
    assert "git has no such version of routes.yaml up to HEAD" in err


def commit(folder: Path, message: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    files = ["routes.yaml", "routes.staging.yaml"]
    for args in (["init", "-q"], ["add", *files], [*who, "commit", "-qm", message]):
        subprocess.run(["git", "-C", str(folder), *args], check=True)


ROLLOUT = """\
version: 1
variants:
  old: {binding: API, pool: old}
  new: {binding: API_NEXT, pool: new}
routes:
  - {name: all, split: {old: 100, new: 0}}
rollouts:
  - {name: to-new, routes: [all], from: old, to: new, steps: [{weight: 50, hold: 1h}]}
"""


def test_a_rollout_is_not_settled_under_an_overlay_that_says_otherwise(
    project: Path, capsys: Capture
) -> None:
    settle = ("rollout", "settle", "--to", "promote", "--yes", "--env", "staging")
    (project / "routes.yaml").write_text(ROLLOUT)
    (project / "routes.staging.yaml").write_text("routes: {all: {split: {new: 10}}}\n")
    code, _, err = run(capsys, *settle)
    assert code == 1
    assert "routes.staging.yaml says what route all sends to new: write there `split:" in err
    assert (project / "routes.yaml").read_text() == ROLLOUT
    (project / "routes.staging.yaml").write_text("limits: {body: 1MiB}\n")
    assert run(capsys, *settle)[0] == 0
    assert "split: {old: 0, new: 100}" in (project / "routes.yaml").read_text()


ADDRESSES = """\
url = "https://top.example.com"
[env.staging]
url = "https://staging.example.com"
"""
TOP, STAGING = "https://top.example.com", "https://staging.example.com"


@pytest.mark.parametrize(
    ("options", "variables", "expected"),
    [
        ((), {}, TOP),
        (("--env", "staging"), {}, STAGING),
        ((), {"ROUTER_ENV": "staging"}, STAGING),
        (("--env", "qa"), {}, "http://localhost:8787"),
        ((), {"ROUTER_URL": "http://named:1"}, "http://named:1"),
        ((), {"ROUTER_URL": "http://named:1", "ROUTER_ENV": "staging"}, "http://named:1"),
        (("--env", "staging"), {"ROUTER_URL": "http://named:1"}, STAGING),
        (("--env", "qa"), {"ROUTER_URL": "http://named:1"}, "http://named:1"),
        (("--env", "staging", "--url", "http://given:1"), {}, "http://given:1"),
    ],
)
def test_where_the_router_answers(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    variables: dict[str, str],
    expected: str,
) -> None:
    (project / "router.toml").write_text(ADDRESSES)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert url_of(parser("status").parse_args(["status", *options])) == expected


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ("", "http://localhost:8787"),
        ("http://localhost:9000", "http://localhost:9000"),
        ("https://router.example.com", "http://localhost:8787"),
        ("http://[", "http://localhost:8787"),
    ],
)
@pytest.mark.usefixtures("project")
def test_a_local_push_waits_for_a_router_of_this_machine(
    monkeypatch: pytest.MonkeyPatch, variable: str, expected: str
) -> None:
    monkeypatch.setenv("ROUTER_URL", variable)
    args = parser("push").parse_args(["push", "routes.yaml"])
    assert local_url(args) == expected


def test_a_router_toml_that_cannot_be_read_is_told(project: Path, capsys: Capture) -> None:
    for text, told in (
        ("[env.staging]\nurls = 1\n", '[env.staging] takes `url = "https://router.example.com"`'),
        ("url = 1\n[env.staging]\n", "url is no text"),
    ):
        (project / "router.toml").write_text(text)
        env = ("--env", "staging") if "urls" in text else ()
        code, _, err = run(capsys, "status", *env)
        assert (code, told in err) == (1, True)
