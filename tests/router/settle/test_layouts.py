"""In whatever layout a policy is written: settling changes the weights, and nothing else."""

from __future__ import annotations

import re
from decimal import Decimal
from io import StringIO
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from policies.language.yaml.document import Document, read_document
from router.settle.settling import find_rollout, settle, shares
from router.settle.weights import ALL
from tests.router.settle.layouts import Written, policies, spelt
from tests.support.examples import examples

COMMENT = re.compile(r"# comment-[0-9]+\.")
PERCENTS = st.sampled_from([ALL, Decimal(0), Decimal(25), Decimal("33.3"), None])


def values(data: bytes) -> dict[str, Any]:
    document = read_document(data)
    assert isinstance(document, Document), (document, data.decode())
    return document.value


def lacks_weight(written: Written, rollout_routes: tuple[str, ...]) -> bool:
    """Whether a weight of these routes is not written, so that it must be put in."""
    return any(
        isinstance(each, dict) and "weight" not in each
        for route in written.policy["routes"]
        if route["name"] in rollout_routes
        for each in route["split"].values()
    )


@given(policies(), PERCENTS, st.data())
@examples(150)
def test_only_the_weights_change(written: Written, percent: Decimal | None, more: Any) -> None:
    data = written.data()
    name = more.draw(st.sampled_from([each["name"] for each in written.policy["rollouts"]]))
    rollout = find_rollout(data, name)
    wanted = shares(data, rollout, percent)
    settled = settle(data, rollout, wanted, remove=False)

    if not lacks_weight(written, rollout.routes):
        assert settled == written.data(wanted)
    assert COMMENT.findall(settled.decode()) == COMMENT.findall(data.decode())
    assert settle(settled, rollout, shares(settled, rollout, percent), remove=False) == settled

    before, after = values(data), values(settled)
    for old, new in zip(before.pop("routes"), after.pop("routes"), strict=True):
        one, other = old.pop("split"), new.pop("split")
        assert (old, list(one)) == (new, list(other))
        is_of_it = old["name"] in rollout.routes and percent is not None
        for pool in one:
            if not (is_of_it and pool in ("production", "canary")):
                assert one[pool] == other[pool]
    assert before == after


@given(policies(), PERCENTS)
@examples(100)
def test_the_sum_stays_and_the_proportion_is_the_outcome(
    written: Written, percent: Decimal | None
) -> None:
    data = written.data()
    rollout = find_rollout(data, written.policy["rollouts"][0]["name"])
    settled = settle(data, rollout, shares(data, rollout, percent), remove=False)
    is_now = {(share.route, share.pool): share.old for share in shares(settled, rollout, None)}
    for route in written.policy["routes"]:
        if route["name"] in rollout.routes:
            was = [spelt(route["split"][pool]) for pool in ("production", "canary")]
            now = [is_now[route["name"], pool] for pool in ("production", "canary")]
            assert sum(now) == sum(was)
            wanted = was[1] if percent is None else sum(was) * percent / 100
            assert abs(now[1] - wanted) < Decimal("0.000001")


@given(policies(), st.data())
@examples(150)
def test_a_rollout_goes_and_only_its_own_comments_with_it(written: Written, more: Any) -> None:
    data = written.data()
    index = more.draw(st.integers(0, len(written.policy["rollouts"]) - 1))
    is_last = len(written.policy["rollouts"]) == 1
    rollout = find_rollout(data, f"r-{index}")
    settled = settle(data, rollout, shares(data, rollout, ALL), remove=True)

    its_own = ("rollouts",) if is_last else ("rollouts", index)
    kept = [
        comment
        for comment in COMMENT.findall(data.decode())
        if written.comments[comment][: len(its_own)] != its_own
    ]
    left = COMMENT.findall(settled.decode())
    assert [comment for comment in left if comment in kept] == kept
    inside = [about for c, about in written.comments.items() if c in left and c not in kept]
    assert all(about == its_own for about in inside)  # above it, behind an empty line

    after = values(settled)
    names = [each["name"] for each in after.get("rollouts", [])]
    assert names == [f"r-{n}" for n in range(len(written.policy["rollouts"])) if n != index]
    assert ("rollouts" in after) == (not is_last)


@given(policies())
@examples(50)
def test_another_reader_sees_the_same(written: Written) -> None:
    """What ruamel.yaml makes of both texts, written by it, differs in nothing but weights."""
    data = written.data()
    rollout = find_rollout(data, "r-0")
    wanted = shares(data, rollout, ALL)
    settled = settle(data, rollout, wanted, remove=False)
    reader = YAML()
    one, other = (reader.load(each.decode().removeprefix("\ufeff")) for each in (data, settled))
    for share in wanted:
        split, new = (each["routes"][share.index]["split"] for each in (one, other))
        if isinstance(split[share.pool], dict):
            split[share.pool].pop("weight", None)
            assert Decimal(str(new[share.pool].pop("weight", 1))) == share.new
        else:
            assert Decimal(str(new[share.pool])) == share.new
            split[share.pool] = new[share.pool] = 0
    assert one == other
    texts = []
    for each in (one, other):
        reader.dump(each, text := StringIO())
        texts.append(sorted(COMMENT.findall(text.getvalue())))
    assert texts[0] == texts[1]
