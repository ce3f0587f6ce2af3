"""Workers that do not start: told by name, replaced, and tried again; the others go on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.dev import session
from router.dev.down import named_in, stand_in, state_of, told
from router.dev.errors import SetupError
from router.dev.layout import Layout
from router.dev.session import MOST_LOOKS, Session, Tail
from router.dev.watched import WatchedFiles
from tests.support.project import write_project

PYTHON = """\
⎔ Starting local server...
✘ [ERROR] service core:user:shop-next: Uncaught Error: PythonError: Traceback (most recent call):
    File "/session/metadata/entry.py", line 1, in <module>
      import nothing_like_it
  ModuleNotFoundError: No module named 'nothing_like_it'

    at null.<anonymous> (pyodideRuntime-internal:pyodide.asm:6:568915) in new_error
"""
FAILED_TO_START = """\
✘ [ERROR] The Workers runtime failed to start. There was likely a problem with the configuration.
  Runtime stderr: ValueError: of something else
"""
OUTPUTS = {
    "Python": (PYTHON, {"shop-next": "ModuleNotFoundError: No module named 'nothing_like_it'"}),
    "Python, and what follows": (
        PYTHON + FAILED_TO_START,
        {"shop-next": "ModuleNotFoundError: No module named 'nothing_like_it'"},
    ),
    "JavaScript": (
        "✘ [ERROR] service core:user:shop: Uncaught Error: no config\n    at null.<anonymous>\n",
        {"shop": "Uncaught Error: no config"},
    ),
    "a build": ('✘ [ERROR] Build failed with 1 error:\n\n  ✘ [ERROR] Could not resolve "x"\n', {}),
    "nothing": ("Ready on http://localhost:8787\n", {}),
}


@pytest.mark.parametrize(("output", "told"), OUTPUTS.values(), ids=OUTPUTS.keys())
def test_an_error_of_the_runtime_names_the_worker(output: str, told: dict[str, str]) -> None:
    assert named_in(output) == told


BROKEN = """\
✘ [ERROR] Build failed with 1 error:

  ✘ [ERROR] Expected "}" but found end of file

      src/index.js:2:0:
        2 │
"""


def test_an_error_of_a_build_has_its_place_and_the_worker_that_was_changed(tmp_path: Path) -> None:
    shop = write_project(tmp_path).parent
    workers = {name: shop / name / "wrangler.jsonc" for name in ("web", "api", "api-next")}
    (shop / "web" / "src").mkdir(parents=True)
    (shop / "web" / "src" / "index.js").touch()
    os.utime(shop / "web" / "src" / "index.js", (1, 1))
    assert told(BROKEN, workers) == 'api: src/index.js:2:0: Expected "}" but found end of file'
    assert told(BROKEN, {}) == 'src/index.js:2:0: Expected "}" but found end of file'
    assert told(PYTHON, workers) == "ModuleNotFoundError: No module named 'nothing_like_it'"


def test_a_change_of_its_code_is_seen(tmp_path: Path) -> None:
    shop = write_project(tmp_path).parent
    config = shop / "api" / "wrangler.jsonc"
    seen = [state_of(config)]
    for name in ("src/index.js", "src/more.js", "wrangler.jsonc"):
        with (shop / "api" / name).open("a") as file:
            file.write("\n")
        seen.append(state_of(config))
    (shop / "api" / "src" / "more.js").unlink()
    seen.append(state_of(config))
    assert len(set(seen)) == len(seen)
    (shop / "api" / "node_modules").mkdir()
    (shop / "api" / "node_modules" / "x.js").touch()
    (shop / "api" / ".wrangler").mkdir()
    (shop / "api" / ".wrangler" / "state").touch()
    assert state_of(config) == seen[-1]
    config.write_text('{"name": ')  # being written
    assert state_of(config) not in seen


def test_one_in_its_place_says_why(tmp_path: Path) -> None:
    config = json.loads(stand_in(tmp_path, "shop", "no config").read_text())
    assert (config["name"], config["vars"]["REASON"]) == ("shop", "no config")
    assert (tmp_path / "down" / "shop" / config["main"]).is_file()


def test_a_log_is_handed_out_in_whole_messages(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one \x1b[31m[ERR")
    log = Tail(path)
    assert log.read() == ""
    with path.open("ab") as file:
        file.write(b"OR]\x1b[0m two\n")
    assert log.read() == ""
    assert log.read() == "one [ERROR] two\n"
    assert log.read() == ""


def test_a_log_that_does_not_rest_is_handed_out_in_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.touch()
    log = Tail(path)
    text = "".join(f"zwölf \x1b[1m{number}\x1b[0m\n" for number in range(20))
    data, size, parts = text.encode(), 9, list[str]()
    for at in range(0, len(data), size):
        with path.open("ab") as file:
            file.write(data[at : at + size])
        parts.append(log.read())
    assert 1 < len([part for part in parts if part]) <= len(parts) // MOST_LOOKS
    assert all(part.endswith("\n") for part in parts if part)
    assert "".join([*parts, log.read()]) == "".join(f"zwölf {number}\n" for number in range(20))


EVENT = '{"time": "2026-11-29T11:02:03.020Z", "level": "info", "event": "policy-loaded"}'


class FakeServer:
    """A `wrangler dev` that says what a test tells it to, at each start the next."""

    says: Iterator[str]
    starts: list[list[str]]

    def __init__(self, layout: Layout) -> None:
        self.log = layout.root / "wrangler.log"
        self._said = ""

    def start(self, configs: list[Path], **_: object) -> None:
        self.starts.append([path.parent.name for path in configs])
        self._said = next(self.says)

    def wait_ready(self, timeout: float) -> None:
        self.log.write_text("")
        if "[ERROR]" in self._said:
            raise SetupError(self._said)

    def output(self) -> str:
        return self._said

    def check_alive(self) -> None: ...

    def stop(self) -> None: ...

    def __enter__(self) -> FakeServer:
        return self

    def __exit__(self, *_: object) -> None: ...


class Ended(Exception):
    """The test has seen what it waits for."""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.setattr(session, "DevServer", FakeServer)
    monkeypatch.setattr(session, "WATCH_EVERY", 0.0)
    monkeypatch.setattr(FakeServer, "starts", [], raising=False)
    root = write_project(tmp_path)
    workers = {
        "shop-api": root.parent / "api" / "wrangler.jsonc",
        "shop-next": root.parent / "api-next" / "wrangler.toml",
    }
    configs = [root / "wrangler.toml", *workers.values()]
    return Session(Layout(root), configs, workers, root / "build", 1, root / "state")


def say(monkeypatch: pytest.MonkeyPatch, *outputs: str) -> None:
    monkeypatch.setattr(FakeServer, "says", iter(outputs), raising=False)


def ended(server: object) -> None:
    raise Ended


def test_the_others_go_on(
    shop: Session, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    say(monkeypatch, PYTHON, "", "")
    served: list[str] = []

    def look() -> None:
        if len(FakeServer.starts) == 3:
            raise Ended
        with (shop.workers["shop-next"].parent / "src" / "entry.py").open("a") as file:
            file.write("\n")

    with pytest.raises(Ended):
        shop.run(lambda server: served.append("told"), look)
    mended = ["router", "api", "api-next"]
    assert FakeServer.starts == [mended, ["router", "api", "shop-next"], mended]
    assert served == ["told"]  # once
    out = capsys.readouterr().out
    assert "shop-next does not start: ModuleNotFoundError: No module named 'nothing_like" in out
    assert "shop-next has changed: trying it again" in out


def test_one_that_breaks_while_it_runs(shop: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    say(monkeypatch, "", "")

    def look() -> None:
        if len(FakeServer.starts) == 2:
            raise Ended
        (shop.layout.root / "wrangler.log").write_text(PYTHON)

    with pytest.raises(Ended):
        shop.run(lambda server: None, look)
    assert FakeServer.starts == [["router", "api", "api-next"], ["router", "api", "shop-next"]]


def test_one_that_ends_all_of_them(shop: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    say(monkeypatch, "", "")

    def look() -> None:
        if len(FakeServer.starts) > 1:
            raise Ended
        monkeypatch.setattr(FakeServer, "check_alive", ends)

    def ends(server: FakeServer) -> None:
        if len(FakeServer.starts) == 1:
            server._said = PYTHON + FAILED_TO_START
            raise SetupError("wrangler dev ended")

    with pytest.raises(Ended):
        shop.run(lambda server: None, look)
    assert FakeServer.starts[1] == ["router", "api", "shop-next"]


def test_an_error_of_one_that_runs_is_told(
    shop: Session, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    say(monkeypatch, "")
    looks = iter(range(4))

    def look() -> None:
        number = next(looks, None)
        if number is None:
            raise Ended
        if number == 0:
            (shop.layout.root / "wrangler.log").write_text(f'{EVENT}\n[ERROR] Expected "}}"\n')

    with pytest.raises(Ended):
        shop.run(lambda server: None, look)
    lines = capsys.readouterr().out.splitlines()
    [event, error] = (json.loads(line) for line in lines if line.startswith("{"))
    assert event == json.loads(EVENT)
    assert (error["level"], error["event"], error["message"]) == (
        *("error", "worker-error", 'Expected "}"'),
    )


def test_one_that_cannot_be_built_is_found(
    shop: Session, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    say(monkeypatch, OUTPUTS["a build"][0], "")
    monkeypatch.setattr(session, "unbuildable", lambda *_: {"shop-api": 'Could not resolve "x"'})
    with pytest.raises(Ended):
        shop.run(ended, lambda: None)
    assert FakeServer.starts[1] == ["router", "shop-api", "api-next"]
    assert 'shop-api does not start: Could not resolve "x"\n' in capsys.readouterr().out


@pytest.mark.parametrize("output", [PYTHON.replace("shop-next", "shop-router"), "[ERROR] else"])
def test_without_the_router_nothing_goes_on(
    output: str, shop: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(monkeypatch, output)
    monkeypatch.setattr(session, "unbuildable", lambda *_: {})
    with pytest.raises(SetupError):
        shop.run(ended, lambda: None)


def test_the_policy_is_taken_over_after_each_change(tmp_path: Path) -> None:
    policy = tmp_path / "routes.yaml"
    policy.write_text("one")
    taken: list[str] = []
    watched = WatchedFiles([policy], lambda: taken.append(policy.read_text()))
    watched.look()
    policy.write_text("other")
    watched.look()
    watched.look()
    policy.unlink()
    watched.look()
    (tmp_path / "new").write_text("third")
    (tmp_path / "new").rename(policy)
    watched.look()
    assert taken == ["other", "third"]
