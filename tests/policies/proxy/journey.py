"""One request on its way, read as a trajectory: effects as words, outcomes as a test gives them.

    going = Journey(policy())
    assert going.go(status(503), status(200)) == ["send a", "send b", "carried b"]

What a test has no outcome for is answered as in quiet times: limits let everything pass, nothing
is kept, a body can be. The clock stands still but for what an outcome takes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from random import Random
from typing import Any

from policies.access.given import cookie_secret
from policies.balancing.availability import Availability
from policies.compiled.policy import CompiledPolicy
from policies.fleet.health import Health
from policies.http.changes import joined
from policies.http.request import Client
from policies.proxy.decide import FREE
from policies.proxy.phases.context import Arrived, RequestContext
from policies.proxy.phases.effects import (
    Came,
    Carry,
    Charge,
    Copy,
    Forget,
    KeepBody,
    KeptBody,
    LearnRollouts,
    LookUp,
    Mirrored,
    Own,
    Race,
    Raced,
    Refresh,
    Respond,
    Send,
    SendCopy,
    Store,
    Void,
    Wait,
    Way,
)
from policies.proxy.sequence import proxy
from policies.resilience.drill import Drill
from policies.resilience.failover import RetryBudget
from policies.resilience.latency import Latencies
from policies.rollouts.overrides import NOTHING, OverridesByRoute, overrides_of
from policies.rollouts.tallies import Tallies
from tests.policies.making import NOW, compiled

BEGAN = NOW.now_ms
LEARNT_AFTER_MS = 700  # how far rollouts are
URL = "https://example.com/"
FINAL = Respond | Carry | Own | Store | Forget
# What comes of an effect at a given time.
Outcome = Callable[[Any, float], Any]


class Isolate:
    """What requests share: real health, counts and budgets, with a log to look at."""

    def __init__(self, policy: CompiledPolicy) -> None:
        self.policy = policy
        self.health = Health(lambda event, fields: self.log(event, fields))
        self.tallies = Tallies()
        self.drills: tuple[Drill, ...] = ()
        self.pepper = b"pepper"
        self.cookie_secret = cookie_secret(b"a secret")
        self.retries: defaultdict[str, RetryBudget] = defaultdict(RetryBudget)
        self.latencies: defaultdict[str, Latencies] = defaultdict(Latencies)
        self.refreshing: dict[str, float] = {}
        self.overrides: OverridesByRoute = NOTHING
        self.is_new = False
        self.counted: Counter[tuple[Any, ...]] = Counter()
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.health.availability(policy, BEGAN)

    def must_learn(self, now_ms: float) -> bool:
        return self.is_new

    def availability(self, policy: CompiledPolicy, now_ms: float) -> Availability | None:
        return self.health.availability(policy, now_ms)

    def rollout_overrides(self, policy: CompiledPolicy) -> OverridesByRoute:
        return self.overrides

    def count(self, metric: str, *labels: str | int) -> None:
        self.counted[metric, *labels] += 1

    def log(self, event: str, fields: dict[str, Any]) -> None:
        self.events.append((event, fields))

    def override(self, weight: float, mirror: float = 0.0) -> None:
        """A rollout from `production` to `canary` is under way on route `r`."""
        told = {"name": "r", "run": "run-1", "from": "production", "to": "canary"}
        told |= {"weights": {"r": weight}, "cohorts": [], "mirror": mirror, "counts": True}
        self.overrides = overrides_of(self.policy, [told])

    def tallied(self) -> dict[str, tuple[int, int]]:
        """Requests and errors that the rollout has heard of, by side."""
        sides = self.tallies.report().get("run-1", {})
        return {side: (counts[0], counts[1]) for side, counts in sides.items()}

    def eject(self, *names: str, now_ms: float = BEGAN) -> None:
        for name in names:
            for _ in range(3):
                self.health.failed(name, now_ms, now_ms, "status 503")


class Journey:
    """A request that has just come. `answers`: what the client has got, in the end one."""

    def __init__(
        self,
        isolate: Isolate,
        method: str = "GET",
        url: str = URL,
        *,
        now_ms: float = BEGAN,
        rng: Random | None = None,
        place: Client | None = None,
        has_body: bool = False,
        **headers: str,
    ) -> None:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        client = place or FROM_EUROPE
        arrived = Arrived(now_ms, method, url, given, client, has_body=has_body)
        self.context = RequestContext(isolate, isolate.policy, arrived, rng or Random(1))
        self.now_ms = now_ms
        self.effects: list[Any] = []
        self.answers: list[Respond | Carry | Own] = []
        self.background: Background | None = None

    def go(self, *outcomes: Outcome) -> list[str]:
        """All of its effects in order, in words."""
        told = list(self.steps(proxy(self.context), list(outcomes)))
        assert len(self.answers) == 1, self.answers
        return told

    def steps(self, way: Way[None], outcomes: list[Outcome]) -> list[str]:
        told, outcome = [], None
        while True:
            try:
                effect = way.send(outcome)
            except StopIteration:
                assert not outcomes, f"nobody asked for {outcomes}"
                return told
            self.effects.append(effect)
            told.append(in_words(effect))
            if isinstance(effect, Refresh):
                self.background = Background(self, effect.way)
                outcome = None
                continue
            if isinstance(effect, FINAL):
                self._end(effect)
                assert not outcomes, f"nobody asked for {outcomes}"
                return told
            outcome = self._outcome(effect, outcomes)
            if isinstance(effect, Send) and effect.is_good(outcome.status):
                assert effect.carry
                self.answers.append(effect.carry)
                told.append(f"carried {effect.variant}")

    def _end(self, effect: Any) -> None:
        if isinstance(effect, Respond | Carry | Own):
            self.answers.append(effect)

    def _outcome(self, effect: Any, outcomes: list[Outcome]) -> Any:
        asked = isinstance(effect, Send | Race) or (
            outcomes and getattr(outcomes[0], "kind", None) is type(effect)
        )
        if asked:
            assert outcomes, f"a test has to say what comes of {in_words(effect)}"
            outcome = outcomes.pop(0)(effect, self.now_ms)
            self.now_ms = getattr(outcome, "now_ms", self.now_ms)
            return outcome
        if isinstance(effect, Wait | LearnRollouts):
            self.now_ms += effect.ms if isinstance(effect, Wait) else LEARNT_AFTER_MS
            return self.now_ms
        return in_quiet_times(effect, self.now_ms)

    @property
    def answer(self) -> Respond:
        (answer,) = self.answers
        assert isinstance(answer, Respond)
        return answer

    @property
    def headers(self) -> dict[str, str]:
        """Those of the router's own answer, or those that a variant's answer gains."""
        (answer,) = self.answers
        if isinstance(answer, Carry):
            return {**answer.changes.set, **joined(answer.changes.added)}
        assert isinstance(answer, Respond)
        return joined(answer.headers)

    def sent(self, at: int = 0) -> Send:
        sends = [each for each in self.effects if isinstance(each, Send)]
        return sends[at]

    def first(self, kind: type) -> Any:
        return next(each for each in self.effects if isinstance(each, kind))


class Background:
    """A way that goes on after the answer."""

    def __init__(self, journey: Journey, way: Way[None]) -> None:
        self.journey, self.way = journey, way

    def go(self, *outcomes: Outcome) -> list[str]:
        return self.journey.steps(self.way, list(outcomes))


def in_quiet_times(effect: Any, now_ms: float) -> Any:
    if isinstance(effect, Charge):
        return FREE
    if isinstance(effect, KeepBody):
        return KeptBody(now_ms, "kept")
    if isinstance(effect, SendCopy):
        return Mirrored([each.variant for each in effect.copies], has_body=effect.keeps_body)
    return None


def of(kind: type, value: Any) -> Outcome:
    """That comes of an effect of this kind."""

    def outcome(effect: Any, now_ms: float) -> Any:
        return value

    outcome.kind = kind  # type: ignore[attr-defined]
    return outcome


def status(code: int, after_ms: float = 10, **headers: str) -> Outcome:
    """A variant answers."""

    def outcome(effect: Send, now_ms: float) -> Came:
        named = [(name.replace("_", "-"), value) for name, value in headers.items()]
        seen = named if effect.wants_head else []
        return Came(now_ms + after_ms, code, dict(named).get("retry-after"), headers=seen)

    return outcome


def none(error: str, after_ms: float = 10, **more: Any) -> Outcome:
    """No answer comes."""
    return lambda effect, now_ms: Came(now_ms + after_ms, 0, error=error, said=error, **more)


def raced(taken: int, *came: int | str | None, after_ms: float = 100) -> Outcome:
    """Of two at once, the one whose answer is taken; a status, an error, or None if given up."""

    def outcome(effect: Race, now_ms: float) -> Raced:
        now = now_ms + after_ms
        found = [
            each
            if each is None
            else Came(now, 0, error=each)
            if isinstance(each, str)
            else Came(now, each)
            for each in came
        ]
        return Raced(now, taken, found)

    return outcome


WORDS: dict[type, Callable[[Any], str]] = {
    Respond: lambda e: f"answer {e.status}" + (" kept" if e.kept else ""),
    Carry: lambda e: f"carry {e.attribution.variant}" + (" and keep" if e.keep else ""),
    Charge: lambda e: "charge " + " ".join(each.name for each in e.limits),
    Forget: lambda e: "forget",
    KeepBody: lambda e: f"keep body {e.how}",
    LearnRollouts: lambda e: "learn rollouts",
    LookUp: lambda e: "look up",
    SendCopy: lambda e: "mirror " + " ".join(map(_copy, e.copies)),
    Own: lambda e: "own page",
    Race: lambda e: f"race {e.first.variant} {e.second.variant} after {e.after_ms:g}",
    Refresh: lambda e: "refresh",
    Send: lambda e: f"send {e.variant}" + (" kept body" if e.kept_body else ""),
    Store: lambda e: "store",
    Void: lambda e: f"void {len(e.marks)}",
    Wait: lambda e: "wait",
}


def _copy(copy: Copy) -> str:
    return f"{copy.variant}/{copy.tag}" if copy.tag else copy.variant


def in_words(effect: Any) -> str:
    return WORDS[type(effect)](effect)


VARIANTS: dict[str, Any] = {
    # In this order for who comes from Europe.
    "a": {"binding": "A", "pool": "production", "region": "eu"},
    "b": {"binding": "B", "pool": "production", "region": "us"},
    "c": {"binding": "C", "pool": "production", "region": "ap"},
    "x": {"binding": "X", "pool": "canary"},
}
REGIONS = {
    "eu": {"continents": ["EU"], "fallback": ["us", "ap"]},
    "us": {"continents": ["NA"]},
    "ap": {"continents": ["AS"]},
}
PASSIVE = {"consecutive_failures": 3, "eject_for": "10s", "slow_start": "10s"}
UNWATCHED = {"health": {"passive": {"consecutive_failures": 0, "failure_rate": "0%"}}}
FROM_EUROPE = Client(ip="192.0.2.1", continent="EU")


def policy(sections: dict[str, Any] | None = None, **route: Any) -> CompiledPolicy:
    """One route `r`, whose requests go to a, b, c, in this order, unless it says otherwise."""
    if not {"respond", "redirect", "split"} & {*route, *route.get("filters", {})}:
        route["split"] = {"production": 1, "canary": 0}
    return compiled(
        **{
            "variants": VARIANTS,
            "regions": REGIONS,
            "pools": {"canary": {"fallback": ["production"]}},
            "health": {"passive": PASSIVE},
            "routes": [{"name": "r", **route}],
            **(sections or {}),
        }
    )


def isolate(sections: dict[str, Any] | None = None, **route: Any) -> Isolate:
    return Isolate(policy(sections, **route))
