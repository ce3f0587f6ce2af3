"""What holds for every way, whatever the policy, the request, and what comes of it."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from policies.http.problems import Problem
from policies.proxy.decide import Surroundings
from policies.proxy.explain.explain import explain
from policies.proxy.phases.effects import (
    Came,
    Carry,
    Charge,
    Charged,
    Found,
    KeepBody,
    KeptBody,
    LookUp,
    Mirrored,
    Own,
    Race,
    Raced,
    Refresh,
    Respond,
    Send,
    SendCopy,
    Wait,
)
from policies.proxy.sequence import proxy
from tests.policies.proxy.journey import BEGAN, VARIANTS, Isolate, Journey, in_quiet_times, policy
from tests.support.examples import examples

ERRORS = (
    "TimeoutError",
    "Unbound",
    "NotReached",
    "BodyTooLarge",
    "UploadBroken",
    "UploadLate",
    "Error",
)
DENIED = Problem("rate-limited", "Too many.")
LIMITS = {"by-ip": {"limit": "10/1m", "by": "ip"}}

failovers = st.fixed_dictionaries(
    {
        "attempts": st.integers(1, 4),
        "on": st.sampled_from([["connect"], ["timeout"], [503], ["connect", "timeout", 500, 503]]),
        "same_variant": st.booleans(),
        "non_idempotent": st.booleans(),
        "backoff": st.sampled_from(["0ms", "1ms"]),
        "budget": st.sampled_from(["none", "20%"]),
    },
    optional={"hedge": st.just("50ms")},
)
filters = st.fixed_dictionaries(
    {},
    optional={
        "cache": st.just({"ttl": "10s", "stale_while_revalidate": "1m"}),
        "mirrors": st.just([{"pool": "mirror", "unsafe_methods": True}]),
        "cors": st.just({"allow_origins": ["*"], "allow_methods": ["*"]}),
    },
)
routes = st.fixed_dictionaries(
    {"failover": failovers, "filters": filters},
    optional={
        "rate_limits": st.just(["by-ip"]),
        "timeouts": st.sampled_from([{"request": "1s"}, {"backend_request": "300ms"}]),
        "limits": st.just({"body": "100B"}),
    },
).map(
    lambda route: {
        **{k: v for k, v in route.items() if v},
        "split": {"production": 1, "canary": 1},
        "sticky": ["header:x-user"],
    }
)
requests = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["GET", "HEAD", "OPTIONS", "POST", "PUT"]),
        "url": st.sampled_from(
            ["https://h/", "https://h/a?b", "https://h/.router/x", "https://h/%"]
        ),
        "has_body": st.booleans(),
        "x_user": st.sampled_from([f"user-{n}" for n in range(9)]),
    },
    optional={
        "content_length": st.sampled_from(["0", "10", "70000"]),
        "transfer_encoding": st.just("chunked"),
        "upgrade": st.just("websocket"),
        "origin": st.just("https://app.test"),
        "access_control_request_method": st.just("PUT"),
    },
)
POOLS = {"canary": {"fallback": ["production"]}, "mirror": {"fallback": []}}
MIRROR = {"m": {"binding": "M", "pool": "mirror"}}


class RandomOutcomes:
    """Outcomes as they come."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.now_ms = BEGAN

    def pick(self, *choices: Any) -> Any:
        return self.data.draw(st.sampled_from(choices))

    def came(self, send: Send) -> Came:
        self.now_ms += self.pick(1, 400)
        code = self.pick(200, 404, 500, 503, 0)
        error = self.pick(*ERRORS) if code == 0 else ""
        flags = {"is_broken": self.pick(False, False, True), "is_gone": self.pick(False, True)}
        rest = self.pick(None, None, "1")
        return Came(self.now_ms, code, rest, error, error, **flags)

    def raced(self, race: Race) -> Raced:
        first, second = self.came(race.first), self.came(race.second)
        if self.pick(True, False):
            return Raced(self.now_ms, 0, [first])
        taken = self.pick(0, 1)
        both: list[Came | None] = [first, second]
        if self.pick(True, False):
            both[1 - taken] = None
        return Raced(self.now_ms, taken, both)

    def outcome(self, effect: Any) -> Any:
        if isinstance(effect, Send):
            return self.came(effect)
        if isinstance(effect, Race):
            return self.raced(effect)
        if isinstance(effect, Charge):
            return self.pick(Charged(None, {}), Charged(DENIED, {"ratelimit": "x"}))
        if isinstance(effect, KeepBody):
            return KeptBody(self.now_ms, self.pick("kept", "none", "broken", "late"))
        if isinstance(effect, SendCopy):
            return Mirrored(["m"], has_body=effect.keeps_body)
        if isinstance(effect, LookUp):
            return self.pick(None, Found("nonsense", 1, 0))
        if isinstance(effect, Wait):
            self.now_ms += effect.ms
            return self.now_ms
        return in_quiet_times(effect, self.now_ms)


def world(data: st.DataObject) -> tuple[Isolate, Journey, dict[str, Any]]:
    route, asked = data.draw(routes), data.draw(requests)
    sections = {"variants": {**VARIANTS, **MIRROR}, "pools": POOLS, "rate_limits": LIMITS}
    state = Isolate(policy(sections, **route))
    for name in data.draw(st.sets(st.sampled_from("abcx"))):
        state.eject(name)
    now = BEGAN + data.draw(st.sampled_from([0, 5_000, 10_500]))
    return state, Journey(state, now_ms=now, **asked), route


class Went(NamedTuple):
    """A way to its end: its effects, the variants that have got the request, in order, and how
    many answers the client has got."""

    effects: list[Any]
    tried: list[str]
    answers: int


def run(journey: Journey, rng: RandomOutcomes) -> Went:
    rng.now_ms = journey.now_ms
    way, outcome = proxy(journey.context), None
    effects: list[Any] = []
    tried: list[str] = []
    answers = 0
    while True:
        try:
            effect = way.send(outcome)
        except StopIteration:
            return Went(effects, tried, answers)
        effects.append(effect)
        outcome = None
        if isinstance(effect, Respond | Carry | Own):
            answers += 1
        elif not isinstance(effect, Refresh):
            assert not answers, "nothing is done for who has an answer"
            outcome = rng.outcome(effect)
        if isinstance(effect, Send):
            tried.append(effect.variant)
            answers += effect.is_good(outcome.status)
        if isinstance(effect, Race):
            sends = (effect.first, effect.second)
            tried += [each.variant for each in sends[: len(outcome.came)]]


@examples(150)
@given(st.data())
def test_every_way_ends_with_one_answer_and_is_counted_once(data: st.DataObject) -> None:
    state, journey, _ = world(data)
    effects, _, answers = run(journey, RandomOutcomes(data))
    assert answers == 1, effects
    counted = {key: n for key, n in state.counted.items() if key[0] == "requests"}
    assert sum(counted.values()) == (0 if isinstance(effects[-1], Own) else 1)


@examples(150)
@given(st.data())
def test_a_variant_is_tried_no_oftener_than_the_policy_says(data: st.DataObject) -> None:
    _, journey, route = world(data)
    tried = Counter(run(journey, RandomOutcomes(data)).tried)
    terms = route["failover"]
    assert sum(tried.values()) <= terms["attempts"] + 1
    if not terms["same_variant"]:
        assert all(times == 1 for times in tried.values()), tried
    assert "m" not in tried, "mirrors get copies only"


@examples(150)
@given(st.data())
def test_what_is_explained_is_what_is_sent(data: st.DataObject) -> None:
    state, journey, _ = world(data)
    arrived = journey.context.arrived
    around = Surroundings(
        arrived.now_ms,
        state.pepper,
        state.availability(state.policy, arrived.now_ms),
        cookie_secret=state.cookie_secret,
    )
    told = explain(
        state.policy, arrived.method, arrived.url, dict(arrived.headers), arrived.client, around
    )
    way = proxy(journey.context)
    effect = next(way)
    while not isinstance(effect, Respond | Own | Send | Race):
        effect = way.send(
            Charged(None, {})
            if isinstance(effect, Charge)
            else in_quiet_times(effect, journey.now_ms)
        )
    way.close()
    if isinstance(effect, Respond):
        assert (told["status"], told["variant"]) == (effect.status, None)
        return
    if isinstance(effect, Own):
        assert told["status"] == 401
        return
    first = effect.first if isinstance(effect, Race) else effect
    assert told["variant"] == first.variant
    assert told["forwarded"]["headers"].keys() == first.changes.on_mapping(arrived.headers).keys()
