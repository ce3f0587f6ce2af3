"""Writing: the order, whatever breaks off, several at once, and a history that has it all."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.language.load import digest_of, load
from router.dev.layout import SetupError
from router.edge.isolate.keys import HISTORY_PREFIX
from router.publishing.published import read
from router.publishing.write import NotPublished
from router.terminal.errors import Failed
from tests.router.publishing.making import Clone, FakeKv, digest, failing, text
from tests.support.kv_contract import check

BOBS, ANNS = "of-bob", "of-ann"


@pytest.fixture
def kv() -> FakeKv:
    return FakeKv()


@pytest.fixture
def ann(kv: FakeKv, tmp_path: Path) -> Clone:
    return Clone(kv, tmp_path / "ann")


@pytest.fixture
def bob(kv: FakeKv, tmp_path: Path) -> Clone:
    return Clone(kv, tmp_path / "bob")


def in_history(kv: FakeKv) -> set[str]:
    """The digests, each of what its key really holds."""
    found = {}
    for key, value in kv.values.items():
        if key.startswith(HISTORY_PREFIX):
            found[key] = digest_of(value)
            assert key.endswith(found[key])
    return set(found.values())


def test_the_kv_in_memory_is_one() -> None:
    check(FakeKv(), many=3)


def test_the_policy_is_written_last_and_tells_what_it_replaced(kv: FakeKv, ann: Clone) -> None:
    ann.push("one", note="first")
    history, *others = kv.writes
    assert history.startswith(HISTORY_PREFIX)
    assert others == [f"policy/compiled/{digest('one')}", "policy/last-good", "policy"]
    about = kv.metadata["policy"]
    assert about == kv.metadata[history] == kv.metadata["policy/last-good"]
    assert (about["digest"], about["parent"], about["note"]) == (digest("one"), "", "first")
    ann.push("two")
    assert kv.metadata["policy"]["parent"] == digest("one")


@pytest.mark.parametrize("writes", range(4))
def test_whatever_breaks_off_what_is_live_is_as_it_was(kv: FakeKv, ann: Clone, writes: int) -> None:
    ann.push("one")
    kv.before = failing(at=writes)
    with pytest.raises(SetupError, match="cannot write policy"):
        ann.push("two")
    assert kv.values["policy"] == text("one")
    assert load(kv.values["policy/last-good"]).policy
    kv.before = failing(at=100)
    assert ann.push("two")["result"] == "pushed"
    assert kv.values["policy"] == kv.values["policy/last-good"] == text("two")


def test_a_write_that_happened_though_nobody_heard_of_it(kv: FakeKv, ann: Clone) -> None:
    def after(key: str) -> None:
        if key == "policy":
            raise SetupError("no answer")

    ann.push("one")
    kv.after = after
    with pytest.raises(SetupError, match="no answer"):
        ann.push("two")
    kv.after = lambda key: None
    assert ann.push("two")["result"] == "unchanged"
    assert ann.push("three")["result"] == "pushed"


def test_what_others_wrote_another_way_is_kept_in_the_history(kv: FakeKv, ann: Clone) -> None:
    ann.push("one")
    kv.put("policy", b"broken: [")
    ann.push("two", force=True)
    assert in_history(kv) == {digest("one"), digest_of(b"broken: ["), digest("two")}
    kept = read(kv).history[1]
    assert kept.digest == digest_of(b"broken: [")
    assert kept.note == "was live, written without `router push`"


def test_a_push_is_later_than_what_it_replaced_whatever_the_clocks_say(
    kv: FakeKv, ann: Clone
) -> None:
    kv.put(f"{HISTORY_PREFIX}29990101T000000Z-{digest('future')}", text("future"))
    for name in ("one", "two", "one"):
        ann.push(name)
    history = [entry.digest for entry in read(kv).history]
    assert history == [digest(name) for name in ("one", "two", "one", "future")]


def push_in_between(kv: FakeKv, at: str, other: Clone, name: str) -> list[dict[str, object]]:
    """When `at` is about to be written, somebody else pushes from beginning to end."""
    came: list[dict[str, object]] = []

    def before(key: str) -> None:
        if key.startswith(at):
            kv.before = lambda key: None
            came.append(other.push(name, force=True))

    kv.before = before
    return came


@pytest.mark.parametrize("at", [HISTORY_PREFIX, "policy/compiled/", "policy/last-good"])
def test_a_push_that_was_overtaken_is_refused_before_it_is_live(
    kv: FakeKv, ann: Clone, bob: Clone, at: str
) -> None:
    ann.push("one")
    came = push_in_between(kv, at, bob, BOBS)
    with pytest.raises(NotPublished) as refused:
        ann.push(ANNS)
    assert refused.value.document["result"] == "refused"
    assert f"refused: {digest(BOBS)[:12]}, by " in str(refused.value)
    assert "yours is in the history" in str(refused.value)
    assert came[0]["result"] == "pushed"
    assert kv.values["policy"] == kv.values["policy/last-good"] == text(BOBS)
    assert in_history(kv) == {digest("one"), digest(ANNS), digest(BOBS)}
    assert ann.place.base.read() == digest("one")


@pytest.mark.parametrize("at", [HISTORY_PREFIX, "policy/compiled/", "policy/last-good"])
def test_the_same_policy_pushed_meanwhile_is_no_reason_to_refuse(
    kv: FakeKv, ann: Clone, bob: Clone, at: str
) -> None:
    ann.push("one")
    came = push_in_between(kv, at, bob, "two")
    assert ann.push("two", note="canary to 20 %")["result"] == "pushed"
    assert came[0]["result"] == "pushed"
    assert kv.values["policy"] == kv.values["policy/last-good"] == text("two")
    assert kv.metadata["policy"]["note"] == "canary to 20 %"
    assert ann.place.base.read() == bob.place.base.read() == digest("two")


def test_both_learn_of_pushes_between_the_last_look_and_the_last_write(
    kv: FakeKv, ann: Clone, bob: Clone
) -> None:
    """Bob sees a push that is on its way; Ann, whose write is the last, sees his."""
    ann.push("one")
    kv.writes.clear()
    came = push_in_between(kv, "policy", bob, BOBS)
    kv.before, between = (lambda key: None), kv.before
    kv.before = lambda key: between(key) if key == "policy" else None
    told = ann.push(ANNS)
    [his], [hers] = told["others"], came[0]["others"]
    assert (his["digest"], hers["digest"]) == (digest(BOBS), digest(ANNS))
    assert kv.values["policy"] == kv.values["policy/last-good"] == text(ANNS)
    assert in_history(kv) == {digest("one"), digest(ANNS), digest(BOBS)}


def test_the_loser_learns_who_won(kv: FakeKv, ann: Clone, bob: Clone) -> None:
    """Bob's last write comes right after Ann's, from a look before it."""
    ann.push("one")
    theirs = {**kv.values}

    def after(key: str) -> None:
        if key == "policy":
            kv.after = lambda key: None
            mine, kv.values["policy"] = kv.values["policy"], theirs["policy"]
            bob.push(BOBS, force=True)
            assert mine == text(ANNS)

    kv.after = after
    with pytest.raises(NotPublished) as lost:
        ann.push(ANNS)
    assert str(lost.value).startswith(f"lost: {digest(BOBS)[:12]}, by ")
    assert f"yours ({digest(ANNS)[:12]}) is in the history" in str(lost.value)
    assert lost.value.document["result"] == "replaced"
    assert ann.place.base.read() == digest("one")
    assert in_history(kv) == {digest("one"), digest(ANNS), digest(BOBS)}


def test_replaced_by_somebody_who_had_seen_it(kv: FakeKv, ann: Clone, bob: Clone) -> None:
    def after(key: str) -> None:
        if key == "policy":
            kv.after = lambda key: None
            bob.push(BOBS, force=True)

    kv.after = after
    with pytest.raises(NotPublished, match=r"^replaced: .* was pushed after it and is live"):
        ann.push(ANNS)


def test_what_nobody_pushed_is_not_ours(kv: FakeKv, ann: Clone) -> None:
    kv.after = lambda key: kv.values.update(policy=b"something") if key == "policy" else None
    with pytest.raises(NotPublished, match="does not hold the policy that was written; push again"):
        ann.push("one")


def test_pushes_of_the_same_bytes_at_once_are_no_rivals(kv: FakeKv, ann: Clone, bob: Clone) -> None:
    ann.push("one")
    came = push_in_between(kv, "policy", bob, "both")
    between = kv.before
    kv.before = lambda key: between(key) if key == "policy" else None
    assert ann.push("both")["others"] == came[0]["others"] == []


def test_pushes_that_were_live_and_replaced_are_no_rivals(ann: Clone) -> None:
    assert [ann.push(name)["others"] for name in ("one", "two", "one", "three")] == [[]] * 4


STEPS = st.tuples(
    st.sampled_from(["push", "forced", "pull", "wrangler"]),
    st.integers(0, 1),  # whose
    st.sampled_from("abcd"),  # which policy
    st.integers(0, 6),  # the write that fails, if there are so many
    st.booleans(),  # it fails before it is done, or after
)


@given(st.lists(STEPS, max_size=12))
def test_whatever_a_push_made_live_or_replaced_is_in_the_history(
    steps: list[tuple[str, int, str, int, bool]],
) -> None:
    with TemporaryDirectory() as folder:
        kv = FakeKv()
        clones = [Clone(kv, Path(folder) / name) for name in ("ann", "bob")]
        owed: set[str] = set()
        for what, who, name, fails, early in steps:
            kv.before = kv.after = lambda key: None
            if what == "wrangler":
                kv.put("policy", b"by wrangler: " + name.encode())
            elif what == "pull":
                clones[who].pull()
            else:
                before = kv.values.get("policy")
                setattr(kv, "before" if early else "after", failing(fails))
                with suppress(Failed, SetupError):
                    clones[who].push(name, force=what == "forced")
                live = kv.values.get("policy")
                assert live in (before, text(name))
                if live != before:
                    owed |= {digest_of(each) for each in (before, live) if each is not None}
            assert owed <= in_history(kv)
