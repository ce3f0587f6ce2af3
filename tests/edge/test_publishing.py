"""Publishing to a running router: it is waited for, spoilt and saved, and fought over."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from policies.language.load import digest_of
from router.cli.main import main
from router.publishing.published import read
from tests.support.edge.cloudflare import clone
from tests.support.edge.kv import kv_of
from tests.support.edge.router import ADMIN_KEY, Edge, start_edge

ROUTER = str(Path(sys.executable).with_name("router"))
SHIPPED_ID = "0" * 32  # in wrangler.toml
FIRST = """\
version: 1
variants:
  one: {binding: ONE, pool: one}
routes:
  - name: first
    split: {one: 1}
"""


def named(name: str) -> str:
    return FIRST.replace("name: first", f"name: {name}")


def digest(name: str) -> str:
    return digest_of(named(name).encode())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("publishing")


@pytest.fixture(scope="module")
def routed(folder: Path) -> Iterator[Edge]:
    policy = folder / "routes.yaml"
    policy.write_text(FIRST)
    edge = start_edge(folder / "router", policy)
    yield edge
    edge.client.close()
    edge.server.stop()


@pytest.fixture(scope="module")
def ann(folder: Path) -> Path:
    return clone(folder / "ann", SHIPPED_ID)  # the router's own


@pytest.fixture(autouse=True)
def here(ann: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ann)
    monkeypatch.setenv("ROUTER_ADMIN_KEY", ADMIN_KEY)


def at(routed: Edge) -> list[str]:
    return ["--persist-to", str(routed.state)]


def push(routed: Edge, text: str, *more: str) -> int:
    Path("routes.yaml").write_text(text)
    return main(["push", "routes.yaml", *at(routed), "--url", routed.url, *more])


def route(routed: Edge) -> str:
    return str(routed.get("/").headers["x-router-route"])


def test_the_first_push_that_spoils_the_router_goes_back_to_what_was_deployed(
    routed: Edge, capsys: pytest.CaptureFixture[str]
) -> None:
    assert routed.own("policy").json()["source"] == "bundled"
    assert route(routed) == "first"
    assert push(routed, named("zeroth").replace("ONE", "NOWHERE")) == 1
    told = capsys.readouterr()
    assert f"the first push; it replaces {digest('first')[:12]}, deployed with" in told.out
    assert "-  - name: first\n" in told.out
    assert f"rolled back to {digest('first')[:12]}, and the router serves it again" in told.err
    assert route(routed) == "first"
    assert routed.own("policy").json() == {
        "digest": digest("first"),
        "source": "kv",
        "serves": True,
        "text": FIRST,
    }
    with kv_of(routed) as kv:  # as it was before any push
        for key in kv.list("policy"):
            kv.delete(key.name)


def test_the_first_push_can_be_rolled_back(
    routed: Edge, capsys: pytest.CaptureFixture[str]
) -> None:
    assert push(routed, named("zeroth"), "--json") == 0
    assert route(routed) == "zeroth"
    assert json.loads(capsys.readouterr().out)["replaced"] == digest("first")
    assert main(["history", "--json", *at(routed)]) == 0
    entries = json.loads(capsys.readouterr().out)["entries"]
    assert [(each["digest"], each["note"]) for each in entries] == [
        (digest("zeroth"), ""),
        (digest("first"), "deployed with the router"),
    ]
    assert main(["rollback", *at(routed), "--url", routed.url]) == 0
    assert route(routed) == "first"


def test_a_push_ends_when_the_router_serves_it(
    routed: Edge, capsys: pytest.CaptureFixture[str]
) -> None:
    assert push(routed, named("second"), "--note", "why", "--json") == 0
    assert route(routed) == "second"
    told = json.loads(capsys.readouterr().out)
    assert told["edge"] == {"waited": True, "url": routed.url, "result": "serves"}
    assert push(routed, named("third")) == 0
    assert route(routed) == "third"
    assert f"serves {digest('third')[:12]} at {routed.url}" in capsys.readouterr().out


def test_file_kv_and_edge_are_compared(routed: Edge, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["status", "--policy", "routes.yaml", *at(routed), "--url", routed.url]
    assert main(asked) == 0
    assert "the same" in capsys.readouterr().out
    Path("routes.yaml").write_text(named("mine"))
    assert main([*asked, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)["places"]
    places = {each["place"]: each["digest"] for each in told}
    assert places == {"file": digest("mine"), "KV": digest("third"), "edge": digest("third")}


def test_rollback_and_pull(routed: Edge, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rollback", *at(routed), "--url", routed.url]) == 0
    assert route(routed) == "second"
    assert main(["pull", *at(routed)]) == 1  # over what is kept nowhere
    assert main(["pull", "--force", *at(routed)]) == 0
    assert Path("routes.yaml").read_text() == named("second")
    assert main(["pull", "-", "--digest", digest("third")[:8], *at(routed)]) == 0
    told = capsys.readouterr()
    assert told.out.endswith(named("third"))
    assert "neither committed nor in the history" in told.err


def test_a_push_that_spoils_the_router_is_rolled_back(
    routed: Edge, capsys: pytest.CaptureFixture[str]
) -> None:
    spoiling = named("spoiling").replace("ONE", "NOWHERE")
    assert push(routed, spoiling) == 1
    told = capsys.readouterr().err
    assert f"rolled back to {digest('second')[:12]}, and the router serves it again" in told
    assert "variant one is not bound" in told
    assert route(routed) == "second"
    assert routed.own("status").json()["status"] == "ok"


def test_of_two_pushes_at_the_same_moment_one_is_live_and_the_other_says_so(
    routed: Edge, folder: Path, ann: Path
) -> None:
    clones = {"anns": ann, "bobs": clone(folder / "bob", SHIPPED_ID)}
    pushes = {}
    for name, where in clones.items():
        (where / "routes.yaml").write_text(named(name))
        pushes[name] = subprocess.Popen(
            [
                *(ROUTER, "push", "routes.yaml"),
                *at(routed),
                "--no-wait",
                "--base",
                digest("second"),
            ],
            cwd=where,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    told = {name: push.communicate(timeout=120) for name, push in pushes.items()}
    with kv_of(routed) as kv:
        seen = read(kv)
    [winner] = [name for name in clones if digest(name) == seen.digest]
    [loser] = [name for name in clones if name != winner]
    assert pushes[winner].returncode == 0, told
    assert pushes[loser].returncode == 1, told
    assert digest(winner)[:12] in told[loser][1]
    kept = {entry.digest for entry in seen.history}
    assert digest(winner) in kept
    # One that came too late for a copy, too, was refused by its base.
    assert digest(loser) in kept or "your file is based on" in told[loser][1]


def test_the_history_has_it_all(routed: Edge, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", "--json", *at(routed)]) == 0
    entries = json.loads(capsys.readouterr().out)["entries"][::-1]
    names = ["first", "zeroth", "first", "second", "third", "second", "spoiling", "second"]
    spoiling = digest_of(named("spoiling").replace("ONE", "NOWHERE").encode())
    wanted = [spoiling if name == "spoiling" else digest(name) for name in names]
    assert [each["digest"] for each in entries[:8]] == wanted
    assert [each["parent"] for each in entries[:8]] == [None, *wanted[:7]]
    assert [each["note"] for each in entries[3:8:2]] == [
        *("why", f"rollback to {digest('second')[:12]}"),
        "rolled back automatically: variant one is not bound",
    ]
    assert entries[8]["parent"] == digest("second")
    assert {each["digest"] for each in entries[8:]} <= {digest("anns"), digest("bobs")}
