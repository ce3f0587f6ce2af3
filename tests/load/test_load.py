"""What clients notice, under steady load, when variants fail: hardly anything.

One of three variants fails, in seven ways, and in two groups all three do. All groups go
through it at the same time, in one router; each test looks at one promise.
"""

from __future__ import annotations

import asyncio

import pytest

from policies.resilience.failover import BUDGET_WINDOW_MS
from tests.load.judge import (
    GRACE,
    LEFT,
    Story,
    broken,
    extra,
    failed,
    first_in_bad,
    in_bad,
    needless,
    repeated_posts,
    returned_after,
)
from tests.load.modes import ALL_OF_THREE, MODES, ONE_OF_THREE, Mode
from tests.load.site import Site
from tests.load.story import Times, play

TIMES = Times(well=3, ill=20, back=60)
MAY_REACH = 0.01
MAY_ADD = 0.20
BUDGET_WINDOW = BUDGET_WINDOW_MS / 1000


@pytest.fixture(scope="module")
def stories(site: Site) -> dict[str, Story]:
    played = asyncio.run(play(site, MODES, TIMES, print))
    return {story.mode.name: story for story in played}


one_of_three = pytest.mark.parametrize("mode", ONE_OF_THREE, ids=lambda mode: mode.name)
all_of_three = pytest.mark.parametrize("mode", ALL_OF_THREE, ids=lambda mode: mode.name)
every_mode = pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)


@one_of_three
def test_no_idempotent_request_fails(stories: dict[str, Story], mode: Mode) -> None:
    story = stories[mode.name]
    late = failed(story, "GET", story.failed_at + GRACE)
    assert [each for each in late if each.id not in first_in_bad(story)] == []


@one_of_three
def test_others_fail_only_where_sending_them_again_is_unsafe(
    stories: dict[str, Story], mode: Mode
) -> None:
    assert needless(stories[mode.name]) == []
    assert repeated_posts(stories[mode.name]) == []


@one_of_three
def test_an_answer_breaks_off_only_if_it_had_begun(stories: dict[str, Story], mode: Mode) -> None:
    story = stories[mode.name]
    came = {each.id for each in story.requests if each.variant in mode.bad}
    assert {each.id for each in broken(story)} <= (came if mode.act == "cut" else set())


@one_of_three
def test_hardly_any_request_reaches_the_bad_variant(stories: dict[str, Story], mode: Mode) -> None:
    came, sent = in_bad(stories[mode.name])
    assert came < MAY_REACH * sent


@one_of_three
def test_retries_are_few(stories: dict[str, Story], mode: Mode) -> None:
    assert extra(stories[mode.name]) <= MAY_ADD


@all_of_three
def test_retries_are_no_storm_when_nobody_is_left(stories: dict[str, Story], mode: Mode) -> None:
    windows = (TIMES.ill + BUDGET_WINDOW) / TIMES.ill  # one more of them may have begun
    assert extra(stories[mode.name]) <= MAY_ADD * windows


@every_mode
def test_who_is_well_again_has_its_share_again(stories: dict[str, Story], mode: Mode) -> None:
    story = stories[mode.name]
    after = returned_after(story)
    assert after is not None
    assert after <= TIMES.back
    end = story.sent[-1].begun - TIMES.after / 2
    assert [each for each in story.sent if each.begun >= end and not each.is_good] == []


@all_of_three
def test_when_nobody_is_left_clients_are_told_when_to_come_back(
    stories: dict[str, Story], mode: Mode
) -> None:
    story = stories[mode.name]
    answers = [
        each
        for each in story.sent
        if story.failed_at + LEFT <= each.begun and each.ended < story.healed_at
    ]
    assert answers
    # What happened to each request decides (14.10): 502 if the variants throw, else their own 503.
    assert {each.status for each in answers} == {502 if mode.name == "all-throw" else 503}
    assert all(each.retry_after and int(each.retry_after) >= 1 for each in answers)


def test_the_router_stays_well(stories: dict[str, Story], site: Site) -> None:
    assert stories
    assert "internal-error" not in site.output
