"""Settling, case by case: what a file says before and after, and what is refused."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from textwrap import dedent

import pytest

from router.settle.settling import FileRollout, find_rollout, settle, shares
from router.settle.weights import ALL, final, weight_text
from router.terminal.errors import Failed, UsageError

ROOT = Path(__file__).parents[3]
NONE = Decimal(0)
ROLLOUT = "- {name: v2, routes: [a], from: old, to: new, steps: [{weight: 50}]}"


def settled(text: str, percent: Decimal | None = ALL, remove: bool = False) -> str:
    data = text.encode()
    rollout = find_rollout(data, "v2")
    return settle(data, rollout, shares(data, rollout, percent), remove).decode()


def with_split(split: str, more: str = "") -> str:
    return f"rollouts:\n  {ROLLOUT}\nroutes:\n  - name: a\n    split: {split}\n{more}"


@pytest.mark.parametrize(
    ("percent", "before", "after"),
    [
        (ALL, "{ old: 95, new: 5 } # why", "{ old: 0, new: 100 } # why"),
        (NONE, "{ old: 95, new: 5 }", "{ old: 100, new: 0 }"),
        (Decimal(25), "{old: 1, new: 1, third: 7}", "{old: 1.5, new: 0.5, third: 7}"),
        (None, "{old: 95, new: 5}", "{old: 95, new: 5}"),
        (ALL, "{old: 0.0, new: 3}", "{old: 0.0, new: 3}"),  # a weight that stays is left as it is
        (ALL, "{old: 0.1, new: 0.2}", "{old: 0, new: 0.3}"),
        (ALL, '{"old":1e2,"new":0x5}', '{"old":0,"new":105}'),
        (ALL, "\n      old: 9 # nine\n      new: 1", "\n      old: 0 # nine\n      new: 10"),
        (ALL, "{old: 9, new: {weight: 1}}", "{old: 0, new: {weight: 10}}"),
        (ALL, "{old: 9, new: {}}", "{old: 0, new: {weight: 10}}"),
        (ALL, "{old: {  filters: {} }, new: 1}", "{old: {  weight: 0, filters: {} }, new: 2}"),
        (
            ALL,
            "\n      old: 9\n      new: # all\n         filters: {}\n",
            "\n      old: 0\n      new: # all\n         weight: 10\n         filters: {}\n",
        ),
        (ALL, "\n        ? old\n        : 9\n        ? new\n        : 1", None),
        (ALL, "{old: &most 95, new: 5}", "{old: &most 0, new: 100}"),
        (ALL, "{old: &half 50, new: *half}", "{old: &half 0, new: 100}"),
        (ALL, "&all {old: &x {weight: 3}, new: 1}", "&all {old: &x {weight: 0}, new: 4}"),
    ],
)
def test_weights(percent: Decimal | None, before: str, after: str | None) -> None:
    if after is None:
        after = before.replace(": 9", ": 0").replace(": 1", ": 10")
    assert settled(with_split(before), percent) == with_split(after)


def test_lines_may_end_as_elsewhere() -> None:
    before = with_split("\n      old: 9\n      new:\n        filters: {}").replace("\n", "\r\n")
    after = before.replace("old: 9", "old: 0")
    after = after.replace("new:\r\n        ", "new:\r\n        weight: 10\r\n        ")
    assert settled("\ufeff" + before) == "\ufeff" + after


def test_routes_of_the_rollout_may_share_a_split() -> None:
    shared = "  - name: b\n    split: *s\n"
    both = with_split("&s {old: 3, new: 1}", shared).replace("[a]", "[a, b]")
    assert settled(both) == both.replace("old: 3, new: 1", "old: 0, new: 4")


@pytest.mark.parametrize(
    ("split", "more", "said"),
    [
        ("&s {old: 3, new: 1}", "  - {name: b, split: *s}\n", r"routes\[1\]\.split\.old"),
        ("{old: &n 3, new: 1}", "  - {name: b, split: {x: *n}}\n", r"routes\[1\]\.split\.x"),
        ("{old: &n {weight: 3}, new: *n}", "", "line 5 would need two different values"),
        ("{old: 3}", "", "route a has no pool new in its split: add `new: 0`"),
    ],
)
def test_what_would_change_more_is_refused(split: str, more: str, said: str) -> None:
    with pytest.raises(Failed, match=said):
        settled(with_split(split, more))


def test_a_route_that_is_not_there() -> None:
    with pytest.raises(Failed, match="the policy has no route a"):
        settled(with_split("{old: 1, new: 1}").replace("name: a", "name: c"))


REMOVED = {
    "the section goes with its last rollout": (
        """\
        version: 1

        # How v2 comes.
        rollouts: # all of them
          # first
          - name: v2 # two
            routes: [a]
            from: old
            to: new
            # steps:

            # a thought

        # The routes.
        routes: [{ name: a, split: { old: 0, new: 1 } }]
        """,
        """\
        version: 1

        # The routes.
        routes: [{ name: a, split: { old: 0, new: 1 } }]
        """,
    ),
    "one of several": (
        """\
        routes: [{ name: a, split: { old: 0, new: 1 } }]
        rollouts:
        # v1, which stays
        - { name: v1, routes: [], from: p, to: q }
        # v2, which goes
        -
          name: v2
          routes: [a]
          from: old
          to: new

        # v3, which stays
        - { name: v3, routes: [], from: p, to: q }
        """,
        """\
        routes: [{ name: a, split: { old: 0, new: 1 } }]
        rollouts:
        # v1, which stays
        - { name: v1, routes: [], from: p, to: q }

        # v3, which stays
        - { name: v3, routes: [], from: p, to: q }
        """,
    ),
    "at the end of the file": (
        """\
        routes: [{ name: a, split: { old: 0, new: 1 } }]

        rollouts:
          - { name: v2, routes: [a], from: old, to: new }

        # the end
        """,
        """\
        routes: [{ name: a, split: { old: 0, new: 1 } }]

        # the end
        """,
    ),
    "nothing behind it": (
        """\
        routes: [{ name: a, split: { old: 0, new: 1 } }]

        rollouts: [{ name: v2, routes: [a], from: old, to: new }]
        """,
        """\
        routes: [{ name: a, split: { old: 0, new: 1 } }]
        """,
    ),
    "at the top of the file, whose comment stays": (
        """\
        # The policy of the router.
        rollouts: [{ name: v2, routes: [a], from: old, to: new }]
        routes: [{ name: a, split: { old: 0, new: 1 } }]
        """,
        """\
        # The policy of the router.
        routes: [{ name: a, split: { old: 0, new: 1 } }]
        """,
    ),
    "in brackets, first of two in a line": (
        """\
        rollouts: [ {name: v2, routes: [a], from: old, to: new}, {name: v3} ] # two
        routes: [{ name: a, split: { old: 0, new: 1 } }]
        """,
        """\
        rollouts: [ {name: v3} ] # two
        routes: [{ name: a, split: { old: 0, new: 1 } }]
        """,
    ),
    "in brackets, last of two in a line": (
        """\
        rollouts: [ {name: v3}, {name: v2, routes: [a], from: old, to: new} ]
        routes: [{ name: a, split: { old: 0, new: 1 } }]
        """,
        """\
        rollouts: [ {name: v3} ]
        routes: [{ name: a, split: { old: 0, new: 1 } }]
        """,
    ),
    "in brackets, a line for each": (
        """\
        rollouts: [
          # the third
          {name: v3}, # 3
          # the second
          {name: v2, routes: [a], from: old, to: new}, # 2
          # the first
          {name: v1} # 1
        ]
        routes: [{ name: a, split: { old: 0, new: 1 } }]
        """,
        """\
        rollouts: [
          # the third
          {name: v3}, # 3
          # the first
          {name: v1} # 1
        ]
        routes: [{ name: a, split: { old: 0, new: 1 } }]
        """,
    ),
}


@pytest.mark.parametrize(("before", "after"), REMOVED.values(), ids=REMOVED)
def test_removal(before: str, after: str) -> None:
    data = dedent(before).encode()
    rollout = FileRollout(find_rollout(data, "v2").index, "v2", ("a",), "old", "new")
    assert settle(data, rollout, [], remove=True).decode() == dedent(after)


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("others", [0, 1])
def test_json_stays_json(indent: int | None, others: int) -> None:
    v2 = {"name": "v2", "routes": ["a"], "from": "old", "to": "new"}
    policy = {
        "routes": [{"name": "a", "split": {"old": 3, "new": 1}}],
        "rollouts": [v2 | {"name": "v1"}] * others + [v2],
    }
    after = json.loads(settled(json.dumps(policy, indent=indent), remove=True))
    assert after["routes"][0]["split"] == {"old": 0, "new": 4}
    assert len(after.get("rollouts", [])) == others


def test_aliases_into_what_goes_are_refused() -> None:
    text = with_split("{old: 3, new: 1}", "  - {name: b, hostnames: *h}\n")
    with pytest.raises(Failed, match="does not let it be changed"):
        settled(text.replace("[a]", "&h [a]"), remove=True)
    shared = f"x: &r\n  {ROLLOUT}\nrollouts: *r\nroutes: [{{name: a, split: {{old: 1, new: 0}}}}]\n"
    with pytest.raises(Failed, match="aliases"):
        settled(shared, remove=True)


@pytest.mark.parametrize("remove", [False, True])
def test_the_shipped_policy_keeps_every_line(remove: bool) -> None:
    data = (ROOT / "routes.yaml").read_bytes()
    rollout = find_rollout(data, "agents")
    after = settle(data, rollout, shares(data, rollout, ALL), remove).decode()
    text = data.decode()
    is_now = {"      production: 95\n": "      production: 0\n"}
    is_now["      canary: 5\n"] = "      canary: 100\n"
    for old, new in is_now.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    if remove:  # with the comment above it, and one of the empty lines around it
        begin, end = text.index("\nrollouts:\n"), text.index("\nroutes:\n")
        above = text[:begin].rindex("\n\n") + 2
        text = text[:above] + text[end + 1 :]
    assert after == text


def test_which_rollout() -> None:
    one = with_split("{old: 3, new: 1}").encode()
    assert find_rollout(one, None) == FileRollout(0, "v2", ("a",), "old", "new")
    with pytest.raises(Failed, match="no rollout v2x: did you mean v2"):
        find_rollout(one, "v2x")
    with pytest.raises(Failed, match="no rollout agents: it has v2"):
        find_rollout(one, "agents")
    two = one.replace(b"\nroutes", f"\n  {ROLLOUT}\nroutes".replace("v2", "v1").encode())
    with pytest.raises(UsageError, match="there are several rollouts, name one: v2, v1"):
        find_rollout(two, None)
    with pytest.raises(Failed, match="the policy has no rollouts"):
        find_rollout(b"routes: []", None)


@pytest.mark.parametrize(
    ("first", "second", "percent", "expected"),
    [
        ("95", "5", "100", ("0", "100")),
        ("1", "1", "33.3", ("1.334", "0.666")),
        ("0.000001", "0", "50", ("0.000001", "0")),  # there is no finer weight
        ("1000000", "0", "1", ("990000", "10000")),
        ("0", "0", "100", ("0", "0")),
    ],
)
def test_final_weights(first: str, second: str, percent: str, expected: tuple[str, str]) -> None:
    weights = final(Decimal(first), Decimal(second), Decimal(percent))
    assert tuple(map(weight_text, weights)) == expected
