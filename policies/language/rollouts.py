"""The section `rollouts`: traffic that moves from one pool to another while it is judged."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from pydantic import Field

from policies.language.conditions import HeaderMatch
from policies.language.drill_values import Schedule
from policies.language.failover_values import Growth, Percentage
from policies.language.health_values import ProbePath
from policies.language.part import Part, one_of
from policies.language.rollout_values import Interval, MirrorShare, StepWeight, WindowTime
from policies.language.values import Binding, Duration, Name, problem

MAX_ROLLOUTS = 20  # the Coordinator runs each of them, and tells every isolate
MAX_STEPS = 50
MAX_CHECKS = 10
MAX_NAMES = 100  # of routes, or of keys; the Coordinator keeps all of it in one value
MAX_VALUE = 1_024  # characters of a header's value
# Half a percentage point: what is worse by less is not worth stopping for.
DEFAULT_INCREASE = 0.005


class Step(Part):
    """One step; exactly one of `weight`, `header`, `key` and `mirror`."""

    weight: StepWeight | None = Field(
        None,
        description="This percentage of what both pools have together goes to the new one.",
        examples=[5],
    )
    header: HeaderMatch | None = Field(
        None, description="Requests with this header go to the new pool, from this step on."
    )
    key: list[Name] | None = Field(
        None,
        min_length=1,
        max_length=MAX_NAMES,
        description="So do clients with an API key of one of these ids.",
    )
    mirror: MirrorShare | None = Field(
        None,
        description="That share of requests is copied to the new pool during this step; "
        "clients do not see its answers. Only of methods that change nothing.",
    )
    hold: Duration | None = Field(
        None,
        description="How long it lasts at least; without `hold` one `analysis.interval`.",
        examples=["10m"],
    )
    pause: bool = Field(False, description="`true`: then it waits for somebody's approval.")

    def check(self) -> None:
        one_of(self, ("weight", "header", "key", "mirror"))
        if self.header and len(self.header.value or "") > MAX_VALUE:
            message = f"the header's value has more than {MAX_VALUE:,} characters"
            raise problem("out-of-range", message, "use a shorter one")


class Check(Part):
    """A question of your own: is the new pool good? Any status from 200 to 299 says yes."""

    name: Name = Field(description="Unique in its rollout.")
    binding: Binding = Field(description="The service binding in `wrangler.toml` that is asked.")
    path: ProbePath = Field(description="What it is asked for, with POST.")
    timeout: Duration = Field(
        5_000, description="How long an answer may take, 30s at most.", examples=["5s"]
    )

    def check(self) -> None:
        if not 1 <= self.timeout <= 30_000:
            raise problem("bad-duration", "a check takes 30s at most", "write a time up to `30s`")


class Analysis(Part):
    """How the new pool is judged, again and again."""

    interval: Interval = Field(60_000, description="How often: `5s` to `24h`.", examples=["60s"])
    min_requests: int = Field(
        50,
        ge=1,
        le=1_000_000,
        description="Fewer requests of a pool in an interval say nothing: it goes on.",
    )
    max_error_rate: Percentage | None = Field(
        None, description="At most so many of the new pool's requests fail."
    )
    max_error_rate_increase: Percentage = Field(
        DEFAULT_INCREASE,
        description="At most so many more than of the old pool's in the same time, in percentage "
        "points; `100%`: they are not compared.",
        examples=["0.5%"],
    )
    max_p50: Duration | None = Field(None, description="Half of its answers begin within this.")
    max_p95: Duration | None = Field(None, description="95 of 100 do.")
    max_p99: Duration | None = Field(None, description="99 of 100 do.")
    max_latency_increase: Growth | None = Field(
        None,
        description="Its p95 is at most so much longer than the old pool's in the same time.",
    )
    checks: list[Check] = Field(
        default_factory=list, max_length=MAX_CHECKS, description="Questions of your own."
    )
    failure_limit: int = Field(
        0, ge=0, le=1_000, description="So many failed judgements are borne."
    )
    dry_run: bool = Field(False, description="`true`: failures are told, and have no consequences.")

    def check(self) -> None:
        seen: set[str] = set()
        for each in self.checks:
            if each.name in seen:
                message = f"two checks are called `{each.name}`"
                raise problem("bad-value", message, "give one of them another name")
            seen.add(each.name)
        for name in ("max_p50", "max_p95", "max_p99"):
            if getattr(self, name) == 0:
                raise problem("out-of-range", f"`{name}` of 0s", "write a longer time")


class Window(Part):
    """A time in which steps may be taken."""

    start: Schedule = Field(
        description="When it opens, as five cron fields in UTC: `0 9 * * 1-5` is every working "
        "day at 9:00."
    )
    duration: WindowTime = Field(alias="for", description="How long it is open: `1m` to `168h`.")


class Rollout(Part):
    """Traffic of some routes that moves from one pool to another, step by step."""

    name: Name = Field(description="Unique; commands, logs and the audit log use it.")
    routes: list[Name] = Field(
        min_length=1,
        max_length=MAX_NAMES,
        description="Whose traffic; the split of each has both pools.",
    )
    source: Name = Field(alias="from", description="The pool that gives.")
    to: Name = Field(description="The pool that takes.")
    steps: list[Step] = Field(
        min_length=1,
        max_length=MAX_STEPS,
        description="One after the other: mirrors and cohorts, then growing weights.",
    )
    analysis: Analysis | None = Field(
        None, description="How it is judged; without it only time and people decide."
    )
    on_success: Literal["promote", "hold"] = Field(
        "promote",
        description="After the last step: all goes to the new pool, or it waits for somebody.",
    )
    on_failure: Literal["rollback", "hold"] = Field(
        "rollback",
        description="When it has turned bad: nothing goes to the new pool any more, at once, or "
        "it waits for somebody.",
    )
    schedule: list[Window] = Field(
        default_factory=list,
        max_length=MAX_CHECKS,
        description="Steps are only taken in these times; without any always. Rolling back is "
        "not bound to them.",
    )

    def check(self) -> None:
        if self.source == self.to:
            raise problem("bad-value", "`from` and `to` are one pool", "name two pools")
        _check_order(self.steps)
        if self.analysis is None:
            for at, step in enumerate(self.steps):
                if step.hold is None and not step.pause:
                    message = f"steps[{at}] has no `hold`, and nothing else that it waits for"
                    raise problem(
                        "missing-field", message, "add `hold`, `pause: true` or `analysis`"
                    )


def _check_order(steps: list[Step]) -> None:
    """Users move in one direction, and the few come before the many."""
    weights = [(at, step.weight) for at, step in enumerate(steps) if step.weight is not None]
    if not weights:
        hint = "add a step such as `weight: 5`"
        raise problem("rollout-order", "no step has a weight", hint)
    for (_, before), (at, weight) in pairwise(weights):
        if weight <= before:
            message = f"steps[{at}] has {weight:g} % after {before:g} %"
            raise problem("rollout-order", message, "let weights grow from step to step")
    late = [at for at, step in enumerate(steps) if step.weight is None and at > weights[0][0]]
    if late:
        message = f"steps[{late[0]}] comes after a step with a weight"
        raise problem("rollout-order", message, "put `header`, `key` and `mirror` first")
