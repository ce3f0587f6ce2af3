"""The keys of the history: never two alike, old ones read, found by what they begin with."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from router.dev.kv import Key
from router.publishing.history import entries, entry_of, find, new_key
from router.terminal.errors import Failed, UsageError

AT = datetime(2026, 11, 24, 0, 16, 39, 482_913, tzinfo=UTC)
ONE, TWO = "ab" * 32, "abcd" + "0" * 60


def test_two_pushes_of_one_digest_at_one_moment_have_two_keys() -> None:
    keys = {new_key(AT, ONE) for _ in range(20)}
    assert len(keys) == 20
    for key in keys:
        entry = entry_of(Key(key, {}))
        assert entry
        assert (entry.digest, entry.at) == (ONE, AT.replace(microsecond=482_000))


def test_keys_of_the_earlier_form_are_read() -> None:
    entry = entry_of(Key(f"policy/history/20261124T001639Z-{ONE}", {"author": "ann"}))
    assert entry
    assert (entry.at, entry.author, entry.parent) == (AT.replace(microsecond=0), "ann", None)


@pytest.mark.parametrize(
    "name",
    [
        "policy",
        "policy/history/",
        f"policy/history/20261124T001639Z-{ONE[1:]}",
        f"policy/history/20261324T001639Z-{ONE}",
        f"policy/compiled/{ONE}",
        f"policy/history/20261124T001639Z-{ONE}/more",
    ],
)
def test_other_keys_are_none(name: str) -> None:
    assert entry_of(Key(name, {})) is None


def test_the_newest_comes_first_whatever_the_form_of_its_key() -> None:
    old = f"policy/history/20261124T001639Z-{TWO}"
    new = new_key(AT, ONE)
    assert [entry.key for entry in entries([Key(old, {}), Key(new, {})])] == [new, old]


def test_metadata_of_any_kind_does_no_harm() -> None:
    entry = entry_of(Key(new_key(AT, ONE), {"author": 3, "note": None, "parent": []}))
    assert entry
    assert entry.to_text() == "abababababab, by 3, 2026-11-24 00:16:39 UTC"
    assert entry.parent is None


def test_find_by_a_beginning_that_only_one_digest_has() -> None:
    history = entries(
        Key(new_key(AT.replace(second=second), digest), {})
        for second, digest in enumerate([ONE, TWO, ONE])
    )
    assert find(history, "ABAB") == history[0]
    assert find(history, TWO) == history[1]
    with pytest.raises(UsageError, match="may be any of abab10000000, abababababab"):
        find(entries([Key(new_key(AT, "abab1" + "0" * 59), {}), *map(_key, (ONE,))]), "abab")
    for wrong in ("abc", "", "routes.yaml", "g" * 8):
        with pytest.raises(UsageError, match="at least 4 of its hex digits"):
            find(history, wrong)
    with pytest.raises(Failed, match="starts with ffff"):
        find(history, "ffff")


def _key(digest: str) -> Key:
    return Key(new_key(AT, digest), {})
