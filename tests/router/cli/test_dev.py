"""How `router dev` begins: with its file, and nothing lost of what was pushed before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from router.cli import dev
from router.dev.layout import Layout
from router.publishing.base import Base
from router.publishing.place import Place
from router.publishing.published import read
from router.publishing.write import PolicyChange
from tests.router.publishing.making import Clone, FakeKv, change, digest, text
from tests.support.project import write_project


@pytest.fixture
def kv(monkeypatch: pytest.MonkeyPatch, base: Base) -> FakeKv:
    kv = FakeKv()

    @contextmanager
    def place(*_: object) -> Iterator[Place]:
        yield Place(kv, base, 0.0)

    monkeypatch.setattr(dev, "local_place", place)
    return kv


def begin(tmp_path: Path, begins: PolicyChange) -> None:
    dev._begin_with(Layout(tmp_path), tmp_path, tmp_path / "routes.yaml", begins)


def test_the_file_takes_the_place_of_what_was_pushed(
    kv: FakeKv, base: Base, tmp_path: Path
) -> None:
    clone = Clone(kv, base.path.parent)
    clone.push("pushed")
    begin(tmp_path, change(text("file"), dev.BEGINS))
    seen = read(kv)
    assert [entry.digest for entry in seen.history] == [digest("file"), digest("pushed")]
    assert (seen.live, seen.history[0].note) == (seen.history[0], dev.BEGINS)
    assert clone.push("edited")["replaced"] == digest("file")  # the clone knows of it


def test_the_same_file_again_writes_nothing(kv: FakeKv, base: Base, tmp_path: Path) -> None:
    Clone(kv, base.path.parent).push("file")
    kv.writes.clear()
    begin(tmp_path, change(text("file"), dev.BEGINS))
    assert kv.writes == []


def test_an_empty_kv_stays_empty(kv: FakeKv, base: Base, tmp_path: Path) -> None:
    begin(tmp_path, change(text("file"), dev.BEGINS))
    assert (kv.writes, base.read()) == ([], "")


CHANGED = text("changed")


@pytest.fixture
def project(tmp_path: Path) -> Layout:
    return Layout(write_project(tmp_path / "shop"))


def changed(layout: Layout, data: bytes, bound: Sequence[str] = ("MAIN",)) -> None:
    policy = layout.root / "routes.yaml"
    policy.write_bytes(data)
    dev.take_over(layout, layout.root / "state", policy, bound, False)


def test_a_change_of_the_file_is_taken_over(
    kv: FakeKv, base: Base, project: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    changed(project, CHANGED, ["SOMETHING"])
    told = capsys.readouterr()
    assert f"routes.yaml has changed: {digest('changed')[:12]}, live within 10 s" in told.out
    assert "answers 502: bind " in told.err
    assert "in wrangler.toml, and start `router dev` again" in told.err
    seen = read(kv)
    assert (seen.digest, seen.history[0].note) == (digest("changed"), dev.CHANGED)
    assert base.read() == digest("changed")
    kv.writes.clear()
    changed(project, CHANGED)
    assert kv.writes == []


def test_a_file_that_is_not_valid_changes_nothing(
    kv: FakeKv, project: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    changed(project, CHANGED)
    kv.writes.clear()
    changed(project, CHANGED.replace(b"split", b"spilt"))
    assert kv.writes == []
    assert "did you mean `split`?" in capsys.readouterr().err
    (project.root / "routes.yaml").unlink()
    dev.take_over(project, project.root, project.root / "routes.yaml", (), False)
    assert "cannot read" in capsys.readouterr().err
