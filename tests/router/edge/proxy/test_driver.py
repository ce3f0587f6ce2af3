"""The driver keeps ways that wait, learns what comes of them in order, and survives bugs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from policies.http.cache import Kept
from policies.resilience.drill import Drill, Fault, Target
from tests.policies.proxy.journey import BEGAN, UNWATCHED
from tests.router.edge.proxy.conftest import Edge, with_policy

CACHE = {"cache": {"ttl": "10s", "stale_while_revalidate": "1m"}}
LEASED = {"rate_limits": {"by-ip": {"limit": "1000/1m", "by": "ip", "mode": "leased"}}}
LIMITS = {"rate_limits": {"by-ip": {"limit": "2/1m", "by": "ip", "mode": "exact"}}}


def test_what_succeeds_needs_one_call_and_is_learnt_with_the_next(edge: Edge) -> None:
    assert edge.decide() == ["send", 1, "A"]
    assert edge.requests == {}
    assert edge.decide(notes=edge.ok(1)) == ["send", 2, "A"]
    assert edge.requests == {("r", "a", 200): 1}
    assert edge.under_way == 1


def test_what_fails_is_asked_again(edge: Edge) -> None:
    edge.decide()
    assert edge.resume(1, edge.came(503))[:2] == ["wait", 1]
    assert edge.resume(1, edge.now_ms + 30) == ["send", 1, "B"]
    edge.decide(notes=edge.ok(1))
    assert edge.requests == {("r", "b", 200): 1}


def test_notes_are_learnt_in_their_order_before_the_request_is_decided(edge: Edge) -> None:
    """Three failures in a row eject `a`; a success between them would not."""
    for number in range(1, 4):
        edge.decide()
        edge.resume(number, edge.came(503))
        edge.resume(number, edge.now_ms)
    assert edge.decide() == ["send", 4, "B"]


def test_a_success_between_failures_counts_where_it_happened(edge: Edge) -> None:
    for _ in range(4):
        edge.decide()
    edge.resume(1, edge.came(503))
    edge.resume(2, edge.came(503))
    edge.resume(4, edge.came(503), notes=edge.ok(3))  # 3 was good, before 4 failed
    assert edge.decide() == ["send", 5, "A"]


def test_several_notes_come_with_one_call(edge: Edge) -> None:
    for _ in range(3):
        edge.decide()
    edge.decide(notes="\n".join(edge.ok(number, 404) for number in (2, 1, 3)))
    assert edge.requests == {("r", "a", 404): 3}


def test_notes_may_come_by_themselves(edge: Edge) -> None:
    for _ in range(2):
        edge.decide()
    edge.driver.heard("\n".join([edge.ok(1), edge.ok(2)]))
    assert edge.requests == {("r", "a", 200): 2}
    edge.driver.heard("")  # another request has brought them along
    assert edge.under_way == 0


@with_policy(UNWATCHED)
def test_a_broken_answer_is_its_variants(edge: Edge) -> None:
    edge.decide()
    edge.decide(notes=f"{edge.ok(1)}\nbroke a {BEGAN:.0f} -")
    assert edge.isolate.metrics.broken_answers == {("a",): 1}


def test_a_copy_counts_for_its_run_if_that_is_still_counted(edge: Edge) -> None:
    edge.decide(notes="copy run-1 200 12")
    assert edge.isolate.tallies.report() == {}
    told = {"name": "r", "run": "run-1", "from": "production", "to": "canary", "counts": True}
    told |= {"weights": {"r": 0.0}, "cohorts": [], "mirror": 0.0}
    edge.isolate.coordinating.learn_rollouts([told], is_all=True)
    edge.decide(notes="copy run-1 200 12\ncopy run-1 0 12\ncopy run-0 200 12")
    assert edge.isolate.tallies.report()["run-1"]["to"][:2] == [2, 1]


def test_what_is_learnt_of_a_way_that_is_not_there_is_left_out(edge: Edge) -> None:
    assert edge.decide(notes=edge.ok(99)) == ["send", 1, "A"]
    assert edge.requests == {}


def test_a_way_that_is_not_there_cannot_go_on_and_others_can(edge: Edge) -> None:
    edge.decide()
    name, _, status, *_ = edge.resume(99, edge.came(200))
    assert (name, status) == ("answer", 502)
    assert edge.resume(1, edge.came(503))[0] == "wait"


@pytest.mark.parametrize("bound", [("MAX_UNDER_WAY", 10), ("MAX_SIZE", 430)])
def test_of_ways_whose_outcome_never_comes_only_the_last_are_kept(
    edge: Edge, monkeypatch: pytest.MonkeyPatch, bound: tuple[str, int]
) -> None:
    monkeypatch.setattr(edge.driver_module, *bound)
    for _ in range(25):
        edge.decide()
    assert edge.under_way == 10
    edge.decide(notes="\n".join(edge.ok(number) for number in range(1, 26)))
    assert edge.requests == {("r", "a", 200): 10}, "of the first fifteen nobody knows any more"
    assert edge.under_way == 1


def test_a_way_whose_client_has_gone_is_kept_no_longer(edge: Edge) -> None:
    for _ in range(3):
        edge.decide()
    edge.decide(notes="gone 2\ngone 3\ngone 99")
    assert edge.under_way == 2
    assert edge.resume(1, edge.came(503))[0] == "wait"
    assert edge.requests == {}


@with_policy(filters={"redirect": {"path": {"full": "/new"}}})
def test_what_ends_at_once_is_not_kept(edge: Edge) -> None:
    name, _, status, *_ = edge.decide()
    assert (name, status) == ("answer", 302)
    assert edge.under_way == 0


class TestBug:
    """Wherever it is, it answers 500, is logged without what it was about, and that is all."""

    SECRET = "what it was about"

    def broken(self, edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
        def proxy(context: Any) -> Any:
            raise RuntimeError(self.SECRET)
            yield

        monkeypatch.setattr(edge.driver_module, "proxy", proxy)

    def answered(self, edge: Edge, effect: list[Any]) -> str:
        name, _, status, headers, body, is_kept = effect
        assert (name, status, is_kept) == ("answer", 500, False)
        told = json.loads(body)
        assert told["code"] == "internal-error"
        assert ["x-request-id", told["request_id"]] in headers
        (line,) = edge.logged()
        assert line["event"] == "internal-error"
        assert line["request_id"] == told["request_id"]
        assert self.SECRET not in json.dumps(line) + body
        assert edge.requests["", "", 500] == 1
        return str(line["error"])

    def test_in_the_sequence(self, edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as patched:
            self.broken(edge, patched)
            assert self.answered(edge, edge.decide()) == "RuntimeError"
        assert edge.under_way == 0
        assert edge.decide()[::2] == ["send", "A"]

    def test_later_in_the_sequence(self, edge: Edge) -> None:
        other = edge.decide()
        edge.decide()
        assert self.answered(edge, edge.resume(2, ["no outcome"])) == "TypeError"
        assert edge.resume(other[1], edge.came(503))[0] == "wait"

    def test_with_the_id_that_the_client_gave(
        self, edge: Edge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.broken(edge, monkeypatch)
        effect = edge.decide(x_request_id="given-by-the-client")
        assert json.loads(effect[4])["request_id"] == "given-by-the-client"
        self.answered(edge, effect)

    def test_in_a_note(self, edge: Edge) -> None:
        """It is of another request: this one goes on, and so do the notes behind it."""
        edge.decide()
        assert edge.decide(notes=f"ok one 200\n{edge.ok(1)}") == ["send", 2, "A"]
        assert edge.requests == {("r", "a", 200): 1}
        (line,) = edge.logged()
        assert (line["event"], line["error"]) == ("internal-error", "ValueError")

    def test_in_what_was_read(self, edge: Edge) -> None:
        assert self.answered(edge, edge.decided("nonsense")[1]) == "ValueError"

    def test_in_javascript(self, edge: Edge) -> None:
        answer = edge.driver.failed("TypeError", "x is undefined")
        assert self.answered(edge, json.loads(answer)) == "TypeError"


class TestRepeated:
    """Decisions that JavaScript has repeated."""

    def test_what_fails_goes_on_as_if_python_had_decided(self, edge: Edge) -> None:
        template = edge.remembered()[0]
        name, number, _ = edge.retake(template, edge.came(503))
        assert name == "wait"
        assert edge.resume(number, edge.now_ms + 30) == ["send", number, "B"]
        edge.decide(notes=edge.ok(number))
        assert edge.requests == {("r", "b", 200): 1}
        assert edge.isolate.metrics.retries == {("r", "a"): 1}
        assert edge.isolate.metrics.decisions == {("python",): 2, ("memory",): 1}

    def test_a_drill_that_has_begun_since_did_not_meet_the_attempt(self, edge: Edge) -> None:
        template, now = edge.remembered()[0], int(edge.now_ms)
        target, down = Target("variant", "a"), Fault("down", 0)
        drill = Drill("d", target, down, now - 1, now + 60_000, "secret")
        edge.isolate.coordinating.drills = (drill,)
        edge.retake(template, edge.came(503))
        assert edge.isolate.metrics.drill_faults == {}

    def test_its_answer_has_the_ids_that_were_sent(self, edge: Edge) -> None:
        """POST is tried once."""
        template = edge.remembered("POST")[0]
        failed = edge.retake(template, edge.came(0, "TypeError"), "POST")
        assert (failed[0], failed[2]) == ("answer", 502)
        assert ["x-request-id", "own"] in failed[3]

    def test_what_succeeds_is_learnt_with_the_next_call(self, edge: Edge) -> None:
        template = edge.remembered()[0]
        edge.decide(notes=f"again {template} {edge.now_ms:.0f} 200 {edge.now_ms:.0f}")
        assert edge.requests == {("r", "a", 200): 1}

    def test_a_template_that_nobody_knows_is_decided_anew_if_that_does_no_harm(
        self, edge: Edge
    ) -> None:
        assert edge.retake(99, edge.came(503))[::2] == ["send", "A"]
        lost = edge.retake(99, edge.came(503), "POST")
        assert (lost[0], lost[2]) == ("answer", 502)
        assert edge.requests == {("", "", 502): 1}

    def test_of_too_many_those_go_that_were_used_longest_ago(self, edge: Edge) -> None:
        """Each of these requests is decided like no other: it has a claim that is taken out."""
        edge.remember_at_most(4)
        first, second, _ = (self.of_claim(edge, name) for name in "abc")
        assert edge.dropped == []
        used = f"again {first} {edge.now_ms:.0f} 200 {edge.now_ms:.0f}"
        self.of_claim(edge, "d", notes=used)
        assert edge.dropped == [second]
        assert self.of_claim(edge, "a") == first, "it is still the same decision"
        assert self.of_claim(edge, "b") > second

    def test_what_is_under_way_goes_on_although_its_template_was_dropped(self, edge: Edge) -> None:
        edge.remember_at_most(4)
        first = self.of_claim(edge, "a")
        for name in "bcdef":
            self.of_claim(edge, name)
        assert first in edge.dropped
        assert edge.retake(first, edge.came(503))[0] == "wait"

    def of_claim(self, edge: Edge, name: str, notes: str = "") -> int:
        number: int = edge.remembered("GET", notes, **{f"x_router_{name}": "1"})[0]
        return number

    def test_a_check_says_when_python_would_decide_otherwise(self, edge: Edge) -> None:
        template = edge.remembered()[0]
        assert edge.driver.check(template, edge.request(), -1, "") == ""
        assert edge.isolate.metrics.memory_differences[()] == 0
        assert edge.driver.check(template, edge.request(x_router_claim="new"), -1, "") != ""
        assert edge.isolate.metrics.memory_differences[()] == 1
        assert edge.logged()[-1]["event"] == "memory-difference"

    def test_after_a_difference_nothing_is_remembered(self, edge: Edge) -> None:
        template = edge.remembered()[0]
        edge.driver.check(template, edge.request(x_router_claim="new"), -1, "")
        told = edge.driver.decide(edge.request(), "", -1)
        assert told.split("\n")[2] == ""


@with_policy(LEASED, rate_limits=["by-ip"])
class TestLeased:
    """Limits whose leases JavaScript counts down."""

    def granted(self, edge: Edge, client: str, number: int = 5) -> list[Any]:
        """How the decision about the second request of a client may be repeated."""
        told = edge.decide(cf_connecting_ip=client)
        edge.resume(told[1], [edge.now_ms, json.dumps([1, number, 0, 0, 60_000]), ""])
        return edge.remembered(cf_connecting_ip=client)

    def test_a_check_finds_a_lease_of_another_key(self, edge: Edge) -> None:
        [template, *_, [[_, mine]]] = self.granted(edge, "192.0.2.1")
        [[_, other]] = self.granted(edge, "192.0.2.2")[-1]
        request = edge.request(cf_connecting_ip="192.0.2.1")
        assert edge.driver.check(template, request, -1, str(mine[0])) == ""
        assert edge.isolate.metrics.memory_differences[()] == 0
        assert edge.driver.check(template, request, -1, str(other[0])) == "keys of by-ip"
        assert edge.isolate.metrics.memory_differences[()] == 1

    def test_a_check_finds_that_a_limit_was_not_charged(self, edge: Edge) -> None:
        template = self.granted(edge, "192.0.2.1")[0]
        request = edge.request(cf_connecting_ip="192.0.2.1")
        assert edge.driver.check(template, request, -1, "") != ""

    def test_python_goes_on_with_what_javascript_has_left(self, edge: Edge) -> None:
        [[_, (purse, left, *_)]] = self.granted(edge, "192.0.2.1", 6)[-1]
        assert left == 4, "six, without those of two requests that Python has decided"
        edge.lent[purse] = 1  # three have been repeated
        assert edge.decide(cf_connecting_ip="192.0.2.1")[0] == "send"
        name, _, _, question, *_ = edge.decide(cf_connecting_ip="192.0.2.1")
        assert name == "ask"
        assert json.loads(question)[4] == [], "all of the lease has been used"


@with_policy(LIMITS, rate_limits=["by-ip"])
def test_a_limit_is_asked_for_and_the_way_goes_on(edge: Edge) -> None:
    client = {"cf_connecting_ip": "192.0.2.1"}
    name, number, limiter, question, *_ = edge.decide(**client)
    assert (name, limiter[:5]) == ("ask", "by-ip")
    assert json.loads(question)[0] == [2, 60_000, 2]
    granted = json.dumps([1, 1, 0, 0, 60_000])
    assert edge.resume(number, [edge.now_ms, granted, ""]) == ["send", number, "A"]
    _, number, *_ = edge.decide(**client)
    denied = json.dumps([0, 0, 0, 9_000, 60_000])
    name, _, status, *_ = edge.resume(number, [edge.now_ms, denied, ""])
    assert (name, status) == ("answer", 429)
    assert edge.decide(**client)[:3:2] == ["answer", 429], "that is known here now"


@with_policy(LIMITS, rate_limits=["by-ip"])
def test_a_limiter_that_fails_lets_pass_and_is_left_alone(edge: Edge) -> None:
    _, number, *_ = edge.decide()
    assert edge.resume(number, [edge.now_ms, None, "Error: gone"]) == ["send", number, "A"]
    assert edge.logged()[-1]["event"] == "limiter-failed"
    assert edge.decide() == ["send", number + 1, "A"]


@with_policy(filters=CACHE)
def test_what_goes_on_in_the_background_has_a_number_of_its_own(edge: Edge) -> None:
    name, number, *_ = edge.decide()
    assert name == "lookup"
    asked = edge.now_ms - 20_000
    about = Kept(asked, asked, 10_000, 60_000, "a", []).to_json()
    name, _, background, answer = edge.resume(number, [about, 5, 0])
    assert name == "with"
    assert json.loads(answer)[:3] == ["answer", number, 200]
    refresh = background.split("\n")
    assert (refresh[0], refresh[2]) == ("send", "A")
    fresh = edge.came(200)
    assert edge.resume(int(refresh[1]), fresh)[0] == "store"
    assert edge.requests == {("r", "", 200): 1}, "the refresh is nobody's request"
    assert edge.under_way == 0


def test_the_first_requests_wait_for_the_policy(edge: Edge) -> None:
    edge.isolate.store.ready = False
    assert edge.decide() == ["prepare"]
    edge.isolate.store.ready = True
    assert edge.decide()[0] == "send"


def test_what_is_due_is_told_with_the_effect(edge: Edge) -> None:
    edge.isolate.chores = lambda now_ms: "policy coordinator"
    text = "\n".join([str(edge.now_ms), "GET", "https://h/", "", "", "", "", ""])
    chores, effect = edge.decided(text)
    assert (chores, effect[0]) == ("policy coordinator", "send")
