"""Every verb where it cannot do its work: one clear line, and nothing is left behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from router.cli.main import VERBS
from tests.support.cli import ROOT, run
from tests.support.project import FILES

ROUTER = str(Path(sys.executable).with_name("router"))
# What each verb is asked. Those of NEED_A_PROJECT look for one; the others need a file, a running
# router, or nothing.
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "init": (),
    "validate": ("routes.yaml",),
    "test": ("routes.yaml",),
    "diff": ("routes.yaml",),
    "explain": ("routes.yaml", "--url", "http://a.test/"),
    "push": ("routes.yaml",),
    "history": (),
    "rollback": (),
    "pull": (),
    "keys": ("check", "routes.yaml"),
    "import": ("manifest.yaml",),
    "schema": (),
    "completion": ("bash",),
    "upgrade": (),
    "status": (),
    "rollout": ("status",),
    "drill": ("list",),
    "dev": (),
    "stage": (),
    "deploy": ("--dry-run",),
}
NEED_A_PROJECT = ("history", "rollback", "pull", "dev", "stage", "deploy", "upgrade")
ANYWHERE = ("schema", "completion")


def empty(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    return "no router project here: run `router init`"


def home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """`router init` writes nothing there, either."""
    monkeypatch.setenv("HOME", str(folder))
    (folder / ".cache").mkdir()
    return "no router project here: run `router init`"


def another_worker(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (folder / "wrangler.jsonc").write_text('{"name": "api", "main": "src/index.js"} // theirs\n')
    return "wrangler.jsonc is another Worker's, not a router's: run `router init`"


def broken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (folder / "wrangler.toml").write_text("name = \n")
    return "wrangler.toml cannot be read: Invalid value (at line 1, column 8)"


def gone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder.rmdir()
    return "the working directory does not exist any more"


@pytest.mark.parametrize("place", [empty, home, another_worker, broken, gone])
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_where_there_is_no_project(
    verb: str,
    place: Callable[[Path, pytest.MonkeyPatch], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("ROUTER_ADMIN_KEY", raising=False)
    told = place(folder, monkeypatch)
    before = sorted(tmp_path.rglob("*"))
    code, out, err = run(capsys, verb, *ARGUMENTS[verb])
    if (verb, place) == ("init", empty):  # the right place for it
        assert (code, err) == (0, "")
        return
    if verb in ANYWHERE:
        assert (code, err) == (0, "")
    else:
        assert code in (1, 2)
        assert out == ""
        assert err.startswith("router: ")
        assert err.count("\n") == 1
    if verb in NEED_A_PROJECT:
        assert told in err
    assert sorted(tmp_path.rglob("*")) == before


SETTINGS = FILES["router/wrangler.toml"]
POLICY = """\
version: 1
variants:
  production: {binding: API, pool: production}
routes:
  - {name: all, split: {production: 1}}
"""
WRITING = ("init", "push", "history", "rollback", "pull", "diff", "dev", "stage", "deploy")


# What a project of an earlier version has not, since routers needed less then.
LATER = re.compile(r"\[\[rules\]\]\n(.+\n)+|\[\[migrations\]\]\ntag = \"coordinator\"\n.+\n")


@pytest.mark.parametrize("verb", ["init", "dev", "stage", "deploy"])
def test_a_project_of_an_earlier_version(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, times = LATER.subn("", SETTINGS)
    assert times == 2
    (tmp_path / "wrangler.toml").write_text(settings)
    (tmp_path / "routes.yaml").write_text(POLICY)
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, verb)
    assert (code, out) == (1, "")
    if verb == "init":
        assert "is a router project already" in err
    else:
        assert "wrangler.toml: rules without router/**/*.js, workers_runtime/**/*.js: write" in err
        assert "no migration of Coordinator: write `migrations" in err or "(and 1 more: `r" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["routes.yaml", "wrangler.toml"]


@pytest.mark.slow
@pytest.mark.parametrize("verb", WRITING)
def test_a_project_that_cannot_be_written(verb: str, tmp_path: Path) -> None:
    """Permissions do not bind everybody, so files stand where folders would be made."""
    (tmp_path / "wrangler.toml").write_text(SETTINGS)
    (tmp_path / "routes.yaml").write_text(POLICY)
    for name in ("build", ".wrangler", ".router", "python_modules"):
        (tmp_path / name).touch()
    tmp_path.chmod(0o555)
    try:
        done = subprocess.run(
            [ROUTER, verb, *ARGUMENTS[verb]],
            cwd=tmp_path,
            env={**os.environ, "ROUTER_ADMIN_KEY": ""},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        tmp_path.chmod(0o755)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    [line] = [each for each in done.stderr.splitlines() if each.startswith("router")]
    assert str(tmp_path) in line or ".wrangler" in line or "build" in line


IMPORTED = {
    "--version": ("pydantic", "rich", "httpx", "yaml", "asyncio", "argcomplete", "policies"),
    "--help": ("pydantic", "rich", "httpx", "yaml", "asyncio", "argcomplete", "policies"),
    "completion": ("pydantic", "rich", "httpx", "yaml", "asyncio", "policies"),
    "validate": ("rich", "httpx", "asyncio", "argcomplete", "ruamel", "capnp", "subprocess", "ssl"),
}


@pytest.mark.parametrize("verb", IMPORTED)
def test_a_quick_verb_imports_little(verb: str) -> None:
    arguments = [verb, *ARGUMENTS.get(verb, ())]
    script = (
        "import sys\n"
        "from router.cli.main import main\n"
        f"code = main({arguments!r})\n"
        f"print(code, [name for name in {IMPORTED[verb]!r} if name in sys.modules])\n"
    )
    told = subprocess.check_output([sys.executable, "-c", script], text=True, cwd=ROOT)
    assert told.splitlines()[-1] == "0 []"


def test_no_verb_imports_the_agent() -> None:
    script = (
        "import sys\n"
        "from router.cli.main import parser\n"
        "parser()\n"
        "print([name for name in sys.modules if name.partition('.')[0] == 'agent'])\n"
    )
    assert subprocess.check_output([sys.executable, "-c", script], text=True) == "[]\n"
    sources = (path.read_text() for path in (ROOT / "router").rglob("*.py"))
    assert not [text for text in sources if re.search(r"^\s*(from|import) agent\b", text, re.M)]
