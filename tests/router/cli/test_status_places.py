"""`router status --policy`: are file, KV and edge the same?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from router.edge.isolate.keys import POLICY_KEY
from tests.router.drill.standin import StandIn
from tests.router.publishing.making import FakeKv, digest, text
from tests.support.cli import run

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_bytes(text("one"))
    return path


def compare(
    capsys: Capture, router: StandIn, file: Path, kv: FakeKv, in_kv: str | None, serves: str
) -> tuple[int, list[str]]:
    if in_kv:
        kv.put(POLICY_KEY, text(in_kv))
    router.digest = digest(serves)
    code, out, _ = run(capsys, "status", "--url", router.url, "--policy", str(file))
    return code, [" ".join(line.split()) for line in out.splitlines()[-4:]]


def test_all_the_same(capsys: Capture, waited_for: StandIn, file: Path, kv: FakeKv) -> None:
    short = digest("one")[:12]
    assert compare(capsys, waited_for, file, kv, "one", "one") == (
        0,
        [
            f"file {short} {file}",
            f"KV {short} KV of the test",
            f"edge {short} {waited_for.url}",
            "the same",
        ],
    )


@pytest.mark.parametrize(
    ("in_kv", "serves"), [("two", "one"), ("one", "two"), ("two", "two"), (None, "one")]
)
def test_one_differs(
    capsys: Capture, waited_for: StandIn, file: Path, kv: FakeKv, in_kv: str | None, serves: str
) -> None:
    code, lines = compare(capsys, waited_for, file, kv, in_kv, serves)
    assert (code, lines[-1]) == (1, "they differ")
    assert lines[1].split()[1] == (digest(in_kv)[:12] if in_kv else "nothing")


def test_as_json(capsys: Capture, waited_for: StandIn, file: Path, kv: FakeKv) -> None:
    code, out, _ = run(capsys, "status", "--url", waited_for.url, "--policy", str(file), "--json")
    assert code == 1
    assert json.loads(out)["places"] == [
        {"place": "file", "digest": digest("one"), "where": str(file)},
        {"place": "KV", "digest": None, "where": "KV of the test"},
        {"place": "edge", "digest": waited_for.digest, "where": waited_for.url},
    ]


@pytest.mark.parametrize("more", [("--watch",), ("--local", "--remote")])
def test_wrong_use(capsys: Capture, waited_for: StandIn, file: Path, more: tuple[str]) -> None:
    asked = ("status", "--url", waited_for.url, "--policy", str(file), *more)
    assert run(capsys, *asked)[0] == 2
    assert run(capsys, "status", "--url", waited_for.url, "--remote")[0] == 2
    assert run(capsys, "status", "--url", waited_for.url, "--policy", "no-such-file")[0] == 2
