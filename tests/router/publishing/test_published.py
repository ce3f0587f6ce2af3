"""What is live, which push that was, and where there is to go back to."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.dev.layout import SetupError
from router.publishing.published import read
from router.terminal.errors import Failed
from tests.router.publishing.making import Clone, FakeKv, digest, failing, text


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(FakeKv(), tmp_path)


def test_nothing(clone: Clone) -> None:
    seen = read(clone.kv)
    assert (seen.data, seen.digest, seen.live, seen.to_text()) == (None, "", None, "nothing")
    with pytest.raises(Failed, match="nothing to go back to"):
        seen.before()


def test_of_pushes_of_the_same_bytes_the_last_is_live(clone: Clone) -> None:
    for name in ("one", "two", "one"):
        clone.push(name)
    seen = read(clone.kv)
    assert [entry.digest for entry in seen.history] == [digest(n) for n in ("one", "two", "one")]
    assert seen.live == seen.history[0]
    assert seen.live.parent == digest("two")
    assert seen.before() == seen.history[1]


def test_before_is_what_was_replaced_and_not_what_never_was_live(clone: Clone) -> None:
    clone.push("one")
    kv = clone.kv
    kv.before = failing(at=3)
    with pytest.raises(SetupError):
        clone.push("never-live")
    kv.before = lambda key: None
    clone.push("two")
    assert read(kv).before().digest == digest("one")


def test_what_is_live_may_be_in_no_history(clone: Clone) -> None:
    clone.push("one")
    clone.kv.put("policy", text("by wrangler"))
    seen = read(clone.kv)
    assert seen.live is None
    assert "written without `router push`" in seen.to_text()
    assert seen.before().digest == digest("one")


def test_without_metadata_the_one_before_in_time_is_before(clone: Clone) -> None:
    """As keys are that another program has copied."""
    for second, name in enumerate(("one", "two", "three")):
        clone.kv.put(f"policy/history/20261124T00160{second}Z-{digest(name)}", text(name))
    clone.kv.put("policy", text("two"))
    assert read(clone.kv).before().digest == digest("one")
