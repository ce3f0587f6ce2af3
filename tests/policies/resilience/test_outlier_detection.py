"""One variant's detection health, read as trajectories, and what always holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.resilience.health_terms import OutlierTerms
from policies.resilience.outlier_detection import MIN_SHARE, PROBE_REQUEST_MS, OutlierDetection
from policies.resilience.outlier_states import TRANSITIONS, OutlierState
from tests.support.examples import examples

TERMS = OutlierTerms(
    consecutive=3,
    rate=0.5,
    at_least=10,
    window_ms=10_000,
    eject_ms=10_000,
    max_eject_ms=40_000,
    slow_start_ms=10_000,
)
LETTERS = {
    OutlierState.WELL: "w",
    OutlierState.EJECTED: "E",
    OutlierState.HALF_OPEN: "h",
    OutlierState.RETURNING: "r",
}


def trajectory(events: str, terms: OutlierTerms = TERMS) -> str:
    """The states after each event: `+` and `-` are outcomes (a probe request, if one is awaited),
    `!` is an answer that begins well and breaks off, a digit or letter lets that many
    seconds (base 36) pass."""
    detection, now, states = OutlierDetection(terms), 1_000_000.0, ""
    for event in events:
        now = play(detection, event, now)
        states += LETTERS[detection.state(now)]
    return states


def play(detection: OutlierDetection, event: str, now: float) -> float:
    """One event; the time after it."""
    if event not in "+-!":
        return now + 1_000 * int(event, 36)
    if detection.awaits_probe_request(now):
        detection.begin_probe_request(now)
    came(detection, event, now, now)
    return now


def came(detection: OutlierDetection, outcome: str, began: float, now: float) -> None:
    if outcome == "-":
        detection.failed(began, now)
        return
    detection.succeeded(began, now)
    if outcome == "!":
        detection.broke(began, now)


@pytest.mark.parametrize(
    ("about", "events", "states"),
    [
        ("failures in a row eject", "--+---", "wwwwwE"),
        ("the ejection ends by itself", "---99", "wwEEh"),
        ("a good probe request brings it back", "---a+9", "wwEhrr"),
        ("and after the slow start it is well", "---a+a+", "wwEhrww"),
        ("a bad probe request ejects for longer", "---a-aa", "wwEhEEh"),
        ("and longer, up to the cap", "---a-k-u-z5-z5", "wwEhEhEhEEhEEh"),
        ("two failures on the way back eject again", "---a+--", "wwEhrrE"),
        ("half of four failing on the way back, too", "---a++-+-", "wwEhrrrrE"),
        ("single failures on the way back do not", "---a+-+-", "wwEhrrrr"),
        ("what is ejected learns nothing from failures", "-----a", "wwEEEh"),
        ("half of ten in the window eject", "+-+-+-+-+-", "wwwwwwwwwE"),
        ("answers that break off are failures in a row", "!-!", "wwE"),
        ("and may be half of ten in the window", "+!+!+!+!+!", "wwwwwwwwwE"),
        ("on the way back, two of them are enough", "---a+!!", "wwEhrrE"),
        ("what is older than the window does not count", "+-+-+-+-b+-", "wwwwwwwwwww"),
        ("the count shrinks while it is well", "---a+z---9a", "wwEhrwwwEEh"),
        ("but not on the way back", "---a+----9a1", "wwEhrrEEEEEh"),
    ],
)
def test_trajectories(about: str, events: str, states: str) -> None:
    assert trajectory(events) == states, about


def test_without_a_slow_start_the_share_is_back_at_once() -> None:
    assert trajectory("---a+", TERMS._replace(slow_start_ms=0)) == "wwEhw"


def test_failures_in_a_row_can_be_left_out() -> None:
    terms = TERMS._replace(consecutive=0)
    assert trajectory("---------", terms) == "wwwwwwwww"
    assert trajectory("----------", terms) == "wwwwwwwwwE"


def test_nothing_ejects_if_nothing_is_asked() -> None:
    terms = TERMS._replace(consecutive=0, rate=0.0)
    assert trajectory("-" * 30, terms) == "w" * 30


def test_what_began_before_the_ejection_is_no_probe_request() -> None:
    detection = OutlierDetection(TERMS)
    for _ in range(3):
        detection.failed(1_000, 1_000)
    detection.begin_probe_request(11_000)
    detection.failed(900, 11_500)
    assert detection.state(11_500) is OutlierState.HALF_OPEN
    detection.succeeded(900, 11_500)
    assert detection.state(11_500) is OutlierState.HALF_OPEN
    detection.succeeded(11_000, 11_600)
    assert detection.state(11_600) is OutlierState.RETURNING


def test_a_probe_request_that_nobody_hears_of_is_followed_by_another() -> None:
    detection = OutlierDetection(TERMS)
    for _ in range(3):
        detection.failed(0, 0)
    assert [detection.awaits_probe_request(now) for now in (9_999, 10_000)] == [False, True]
    detection.begin_probe_request(10_000)
    waits = [
        detection.awaits_probe_request(10_000 + later)
        for later in (1, PROBE_REQUEST_MS - 1, PROBE_REQUEST_MS)
    ]
    assert waits == [False, False, True]


def test_each_probe_request_that_comes_to_nothing_makes_the_next_one_more_patient() -> None:
    detection, now, found = OutlierDetection(TERMS), 0.0, []
    for _ in range(3):
        detection.failed(0, 0)
    for _ in range(9):
        now += 100_000
        detection.begin_probe_request(now)
        found.append(detection.probe_request_patience_ms())
    assert found == [2_000, 4_000, 8_000, 16_000, 32_000, 64_000, *[128_000] * 3]
    detection.failed(now, now)
    detection.begin_probe_request(now + 100_000)
    assert detection.probe_request_patience_ms() == 2_000


def test_a_success_while_ejected_brings_it_back() -> None:
    """Requests come to an ejected variant only when nobody is well."""
    detection = OutlierDetection(TERMS)
    for _ in range(3):
        detection.failed(0, 0)
    detection.failed(1_000, 1_000)
    assert detection.until_ms == 10_000
    detection.succeeded(2_000, 2_000)
    assert detection.state(2_000) is OutlierState.RETURNING


@pytest.mark.parametrize(
    ("events", "hidden"),
    [
        *[("", False), ("-", False), ("--", True), ("--+", False), ("+-+-", False)],
        *[("---", True), ("---a", True), ("---a+", True), ("---a+9", True), ("---a+a", False)],
    ],
)
def test_whose_errors_are_hidden(events: str, hidden: bool) -> None:
    detection, now = OutlierDetection(TERMS), 1_000_000.0
    for event in events:
        now = play(detection, event, now)
    assert detection.is_on_probation(now) is hidden


def test_nobody_is_suspected_if_failures_in_a_row_say_nothing() -> None:
    detection = OutlierDetection(TERMS._replace(consecutive=0))
    for _ in range(5):
        detection.failed(0, 0)
    assert not detection.is_on_probation(0)


def test_the_share_grows_from_a_tenth() -> None:
    detection = OutlierDetection(TERMS)
    detection.returns(50_000)
    shares = [detection.share(50_000 + 1_000 * second) for second in (0, 1, 2, 5, 9, 10, 11)]
    assert shares == [MIN_SHARE, 0.1, 0.2, 0.5, 0.9, 1.0, 1.0]


def test_a_variant_may_ask_for_a_rest() -> None:
    detection = OutlierDetection(TERMS)
    assert detection.rest(5_000, 0)
    assert [detection.state(now) for now in (4_999, 5_000)] == [
        OutlierState.EJECTED,
        OutlierState.HALF_OPEN,
    ]
    assert not detection.rest(4_000, 1_000), "it has asked for more already"
    assert detection.rest(1e12, 1_000)
    assert detection.until_ms == 41_000, "no longer than an ejection may last"
    detection.begin_probe_request(41_000)
    detection.failed(41_000, 41_000)
    assert detection.until_ms == 51_000, "the rest was no ejection, so this is the first"


OUTCOMES = st.lists(
    st.tuples(st.sampled_from("+-!"), st.integers(0, 20_000), st.integers(0, 30_000)), max_size=80
)
ANY_TERMS = st.builds(
    OutlierTerms,
    st.integers(0, 6),
    st.sampled_from([0.0, 0.3, 0.5, 1.0]),
    st.integers(1, 20),
    st.integers(1_000, 30_000),
    st.integers(100, 30_000),
    st.integers(30_000, 60_000),
    st.integers(0, 20_000),
)


@examples(300)
@given(ANY_TERMS, OUTCOMES)
def test_no_ejection_is_longer_than_the_cap_and_enough_successes_bring_it_back(
    terms: OutlierTerms, outcomes: list[tuple[str, int, int]]
) -> None:
    detection, now = OutlierDetection(terms), 1_000_000.0
    for outcome, later, took in outcomes:
        now += later
        if detection.awaits_probe_request(now):
            detection.begin_probe_request(now)
        came(detection, outcome, now - took, now)
        assert detection.until_ms <= now + terms.max_eject_ms
        assert 0 < detection.share(now) <= 1
    now += terms.max_eject_ms + PROBE_REQUEST_MS
    detection.succeeded(now, now)
    now += terms.slow_start_ms
    detection.succeeded(now, now)
    assert detection.state(now) is OutlierState.WELL
    assert detection.share(now) == 1


CALLS = st.tuples(
    st.sampled_from([*"+-!", "rest", "returns"]),
    st.integers(-500, 20_000),
    st.integers(-500, 30_000),
)


@examples(300)
@given(ANY_TERMS, st.lists(CALLS, max_size=60))
def test_whatever_happens_only_what_the_table_has_becomes_of_it(
    terms: OutlierTerms, calls: list[tuple[str, int, int]]
) -> None:
    """Also if the clock goes back a little."""
    detection, now = OutlierDetection(terms), 1_000_000.0
    changes = {(before, after) for (before, _), after in TRANSITIONS.items()}
    for call, later, took in calls:
        waited = detection.state(now)
        now += later
        before = detection.state(now)
        assert later < 0 or waited is before or (waited, before) in changes
        if call == "rest":
            detection.rest(now + took, now)
        elif call == "returns":
            detection.returns(now)
        else:
            came(detection, call, now - took, now)
        after = detection.state(now)
        steps = {before, *(to for at, to in changes if at is before)}
        steps |= {
            to for at, to in changes if at in steps
        }  # a slow start of no time is over at once
        assert after in steps


@examples(200)
@given(st.lists(st.tuples(st.sampled_from("+-!"), st.integers(0, 3_000)), max_size=60))
def test_the_window_counts_what_a_plain_list_does(outcomes: list[tuple[str, int]]) -> None:
    terms = TERMS._replace(consecutive=0, slow_start_ms=0)
    detection, now, seen = OutlierDetection(terms), 1_000_000, []
    for outcome, later in outcomes:
        now += later
        is_good = outcome == "+"
        seen.append((now * 10 // terms.window_ms, is_good))
        came(detection, outcome, now, now)
        assert detection.requests == len(seen)
        recent = [good for slot, good in seen if slot > now * 10 // terms.window_ms - 10]
        bad = recent.count(False)
        is_bad = not is_good and len(recent) >= 10 and bad >= len(recent) / 2
        assert (detection.state(now) is OutlierState.EJECTED) == is_bad
        if is_bad:
            return
