"""`router history` and `router rollback`: what there was, and back to it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from policies.language.load import digest_of
from router.edge.isolate.keys import POLICY_KEY
from tests.router.publishing.making import Clone, FakeKv, digest, text
from tests.support.cli import run

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTER_ADMIN_KEY", "")


@pytest.fixture
def pushed(kv: FakeKv, tmp_path: Path) -> Clone:
    clone = Clone(kv, tmp_path / "ann")
    for name in ("one", "two", "three"):
        clone.push(name, note=f"the {name}")
    return clone


def lines(capsys: Capture, *more: str) -> list[str]:
    code, out, err = run(capsys, "history", *more)
    assert (code, err) == (0, "")
    return [" ".join(line.split()) for line in out.splitlines()]


@pytest.mark.usefixtures("kv")
def test_no_history(capsys: Capture) -> None:
    assert lines(capsys) == [
        "no history in KV of the test",
        "nothing is live: the router serves the policy that it was deployed with",
    ]


@pytest.mark.usefixtures("pushed")
def test_a_line_for_each_push_the_newest_first(capsys: Capture) -> None:
    head, *told = lines(capsys)
    assert head == "TIME (UTC) DIGEST AUTHOR NOTE"
    assert [line.split(maxsplit=3)[2] for line in told] == [
        digest(name)[:12] for name in ("three", "two", "one")
    ]
    assert [" live " in line for line in told] == [True, False, False]
    assert told[0].endswith("live the three")
    assert lines(capsys, "--limit", "1")[1:] == [
        told[0],
        "there are older entries: --limit 3 shows all",
    ]


def test_what_is_live_and_was_not_pushed(capsys: Capture, kv: FakeKv, pushed: Clone) -> None:
    kv.put(POLICY_KEY, b"by wrangler")
    told = lines(capsys)
    assert not [line for line in told[1:4] if " live " in line]
    here = digest_of(b"by wrangler")
    assert (
        told[4] == f"live {here[:12]} is not in the history: it was written without `router push`"
    )
    _, out, _ = run(capsys, "history", "--json")
    assert json.loads(out)["live"] == {"digest": here, "key": None}


def test_nothing_of_the_metadata_reaches_the_terminal_raw(capsys: Capture, kv: FakeKv) -> None:
    about = {"author": ["\x1b[31m"], "note": "a\x1b[31mb\nc", "time": 7, "parent": {}}
    key = f"policy/history/20261124T001639Z-{digest('one')}"
    kv.values |= {key: text("one"), POLICY_KEY: text("one")}
    kv.metadata[key] = about
    _, out, _ = run(capsys, "history")
    assert r"a\x1b[31mb\nc" in out
    assert run(capsys, "history", "--json")[0] == 0
    assert "\x1b" not in out + "".join(run(capsys, "rollback", digest("one"))[1:])


@pytest.mark.usefixtures("pushed")
def test_history_as_json(capsys: Capture) -> None:
    _, out, _ = run(capsys, "history", "--json", "--limit", "2")
    told = json.loads(out)
    assert told["place"] == "KV of the test"
    assert [each["live"] for each in told["entries"]] == [True, False]
    newest = told["entries"][0]
    assert told["live"] == {"digest": digest("three"), "key": newest["key"]}
    assert (newest["parent"], newest["note"]) == (digest("two"), "the three")


@pytest.mark.parametrize("limit", ["0", "-1", "all"])
def test_a_limit_is_a_number(capsys: Capture, limit: str) -> None:
    assert run(capsys, "history", "--limit", limit)[0] == 2


@pytest.mark.usefixtures("pushed")
def test_rollback_to_the_one_before_and_back(capsys: Capture, kv: FakeKv) -> None:
    code, out, _ = run(capsys, "rollback", "--note", "too many errors")
    assert code == 0
    assert out.startswith(f"rollback to {digest('two')[:12]}, by ")
    assert "+++ new" in out
    assert kv.values[POLICY_KEY] == text("two")
    note = kv.metadata[POLICY_KEY]["note"]
    assert note == f"rollback to {digest('two')[:12]}: too many errors"
    assert run(capsys, "rollback")[0] == 0
    assert kv.values[POLICY_KEY] == text("three")
    assert len(lines(capsys)) == 6


@pytest.mark.usefixtures("pushed")
def test_rollback_to_a_digest(capsys: Capture, kv: FakeKv) -> None:
    code, out, _ = run(capsys, "rollback", digest("one")[:6], "--json")
    told = json.loads(out)
    assert (code, told["digest"], told["replaced"]) == (0, digest("one"), digest("three"))
    assert run(capsys, "rollback", digest("one"))[1].splitlines()[1].startswith("no difference")
    assert run(capsys, "rollback", "0" * 8)[0] == 1
    assert run(capsys, "rollback", "abc")[0] == 2


def test_what_is_not_valid_any_more_is_not_gone_back_to(
    capsys: Capture, kv: FakeKv, pushed: Clone
) -> None:
    old = b"version: 0\n"
    kv.put(f"policy/history/20250101T000000Z-{digest_of(old)}", old)
    code, _, err = run(capsys, "rollback", digest_of(old)[:12])
    assert code == 1
    assert "is not valid by the current rules" in err
    assert f"{digest_of(old)[:12]}:1:1 error" in err


def test_a_history_that_holds_something_else(capsys: Capture, kv: FakeKv, pushed: Clone) -> None:
    [key] = [key for key in kv.values if key.endswith(digest("one")) and "history" in key]
    kv.put(key, text("another"))
    for args in (["rollback", digest("one")], ["pull", "-", "--digest", digest("one")]):
        code, _, err = run(capsys, *args)
        assert code == 1
        assert f"{key} does not hold the policy that its name says" in err


@pytest.mark.usefixtures("kv")
def test_nothing_to_go_back_to(capsys: Capture) -> None:
    code, _, err = run(capsys, "rollback")
    assert code == 1
    assert "nothing to go back to" in err
