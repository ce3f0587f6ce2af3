"""What a push may replace: what its author began with, and nothing unseen."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.dev.files import write_if_changed
from router.publishing.base import (
    Base,
    base_at_cloudflare,
    base_in_local_kv,
    check_base,
    given_base,
)
from router.publishing.published import read
from router.terminal.errors import Failed, UsageError
from tests.router.publishing.making import Clone, FakeKv, digest, text


def fail(warning: str) -> None:
    raise AssertionError(warning)


def test_a_base_is_a_digest_its_beginning_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "former.yaml"
    file.write_bytes(text("one"))
    assert given_base(str(file)) == digest("one")
    assert given_base(digest("one").upper()) == digest("one")
    assert given_base("9c411d47") == "9c411d47"


@pytest.mark.parametrize(
    "wrong", ["9c411d4", "no-such-file", "", ".", "g" * 64, "0" * 65, "x" * 300]
)
def test_anything_else_is_wrong_use(wrong: str) -> None:
    with pytest.raises(UsageError, match="neither 8 or more hex digits nor a file"):
        given_base(wrong)


def test_an_empty_file_was_never_a_policy(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    with pytest.raises(UsageError, match="is empty"):
        given_base(str(tmp_path / "empty"))


def test_what_a_clone_knows_is_its_own_and_of_one_place(tmp_path: Path) -> None:
    kept = [
        base_at_cloudflare(tmp_path / "mine", "namespace"),
        base_at_cloudflare(tmp_path / "mine", "../other"),
        base_at_cloudflare(tmp_path / "theirs", "namespace"),
        base_in_local_kv(tmp_path / "mine", "", tmp_path / "state"),
        base_in_local_kv(tmp_path / "theirs", "", tmp_path / "state"),
        base_in_local_kv(tmp_path / "mine", "", tmp_path / "other-state"),
        base_in_local_kv(tmp_path / "mine", "staging", tmp_path / "state"),
    ]
    for number, base in enumerate(kept):
        assert base.read() == ""
        base.write(f"{number}" * 64, fail)
    assert [base.read() for base in kept] == [f"{number}" * 64 for number in range(7)]
    assert {base.path.parent for base in kept[:2]} == {tmp_path / "mine" / ".router"}


def test_a_file_that_is_no_base_counts_as_none(tmp_path: Path) -> None:
    base = Base(tmp_path / "base")
    for damage in (b"", b"abc", b"\xff" * 64):
        write_if_changed(base.path, damage)
        assert base.read() == ""


def test_a_clone_that_cannot_remember_says_so(tmp_path: Path) -> None:
    (tmp_path / "router").touch()
    base = Base(tmp_path / "router" / "base")
    warnings: list[str] = []
    base.write(digest("one"), warnings.append)
    assert base.read() == ""
    [warning] = warnings
    assert warning.startswith(f"cannot write the base to {base.path}: ")


def test_a_push_over_what_its_author_has_not_seen_is_refused(tmp_path: Path) -> None:
    kv = FakeKv()
    ann, bob = Clone(kv, tmp_path / "ann"), Clone(kv, tmp_path / "bob")
    ann.push("one")
    bob.pull()
    bob.push("two", note="in a hurry")
    writes = len(kv.writes)
    with pytest.raises(Failed) as refused:
        ann.push("three")
    told = str(refused.value)
    assert told.startswith(f"refused: live is {digest('two')[:12]}, by ")
    assert "in a hurry" in told
    assert f"based on {digest('one')[:12]}" in told
    assert "`router diff routes.yaml`" in told
    assert "`router pull`" in told
    assert "--force" in told
    assert (len(kv.writes), kv.values["policy"]) == (writes, text("two"))
    ann.pull()
    ann.push("three")
    bob.push("four", force=True)
    bob.push("five")
    assert kv.values["policy"] == text("five")


def test_who_was_overtaken_is_refused_also_the_next_time(tmp_path: Path) -> None:
    kv = FakeKv()
    ann, bob = Clone(kv, tmp_path / "ann"), Clone(kv, tmp_path / "bob")
    ann.push("one")

    def overtake(key: str) -> None:
        kv.after = lambda key: None
        ann.push("two")

    kv.after = overtake
    with pytest.raises(Failed, match="became live meanwhile"):
        bob.push("three")
    with pytest.raises(Failed, match=f"based on {digest('one')[:12]}"):
        bob.push("three")
    assert kv.values["policy"] == text("two")


def test_where_nothing_is_live_nothing_is_undone(tmp_path: Path) -> None:
    check_base("ab" * 32, read(FakeKv()), "routes.yaml")


def test_the_same_policy_needs_no_base(tmp_path: Path) -> None:
    kv = FakeKv()
    ann, bob = Clone(kv, tmp_path / "ann"), Clone(kv, tmp_path / "bob")
    ann.push("one")
    bob.push("two")
    assert ann.push("two")["result"] == "unchanged"
    assert ann.push("three")["result"] == "pushed"
