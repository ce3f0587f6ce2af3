"""The section `rollouts`: traffic moves from one pool to another, with automatic analysis."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from pydantic import Field

from policies.language.model.conditions import HeaderMatch
from policies.language.model.part import Part, one_of
from policies.language.values.drills import Schedule
from policies.language.values.failover import Growth, Percentage
from policies.language.values.health import ProbePath
from policies.language.values.rollouts import Interval, MirrorShare, StepWeight, WindowTime
from policies.language.values.values import Binding, Duration, Name, problem

MAX_ROLLOUTS = 20  # the Coordinator runs each of them, and sends it to every isolate
MAX_STEPS = 50
MAX_CHECKS = 10
MAX_NAMES = 100  # of routes, or of keys; the Coordinator keeps them in one value
MAX_VALUE = 1_024  # characters of a header's value
# Half a percentage point: a smaller increase is no reason to stop.
DEFAULT_INCREASE = 0.005


class Step(Part):
    """One step; exactly one of `weight`, `header`, `key` and `mirror`."""

    weight: StepWeight | None = Field(
        None,
        description="The percentage of the traffic of both pools together that goes to the new "
        "pool.",
        examples=[5],
    )
    header: HeaderMatch | None = Field(
        None, description="Requests with this header go to the new pool, from this step on."
    )
    key: list[Name] | None = Field(
        None,
        min_length=1,
        max_length=MAX_NAMES,
        description="Clients with an API key with one of these ids go to the new pool, from this "
        "step on.",
    )
    mirror: MirrorShare | None = Field(
        None,
        description="The share of requests that is copied to the new pool during this step; "
        "clients do not get its responses. Only safe methods are copied.",
    )
    hold: Duration | None = Field(
        None,
        description="The minimum duration of the step; default: one `analysis.interval`.",
        examples=["10m"],
    )
    pause: bool = Field(
        False, description="`true`: after `hold`, the rollout waits for an approval."
    )

    def check(self) -> None:
        one_of(self, ("weight", "header", "key", "mirror"))
        if self.header and len(self.header.value or "") > MAX_VALUE:
            message = f"the header's value has more than {MAX_VALUE:,} characters"
            raise problem("out-of-range", message, "use a shorter one")


class Check(Part):
    """A check of your own. A status from 200 to 299 means that the new pool is good."""

    name: Name = Field(description="Unique in its rollout.")
    binding: Binding = Field(description="The service binding in `wrangler.toml` of the check.")
    path: ProbePath = Field(description="The path of the check, requested with POST.")
    timeout: Duration = Field(
        5_000, description="How long the check may take, 30s at most.", examples=["5s"]
    )

    def check(self) -> None:
        if not 1 <= self.timeout <= 30_000:
            raise problem(
                "bad-duration", "a check may take 30s at most", "write a time up to `30s`"
            )


class Analysis(Part):
    """How the new pool is analysed, at each interval."""

    interval: Interval = Field(
        60_000, description="The time between two analyses: `5s` to `24h`.", examples=["60s"]
    )
    min_requests: int = Field(
        50,
        ge=1,
        le=1_000_000,
        description="With fewer requests to a pool in an interval, there is no verdict, and the "
        "rollout stays in its step.",
    )
    max_error_rate: Percentage | None = Field(
        None, description="The maximum error rate of the new pool."
    )
    max_error_rate_increase: Percentage = Field(
        DEFAULT_INCREASE,
        description="The maximum difference to the old pool's error rate in the same time, in "
        "percentage points; `100%`: the rates are not compared.",
        examples=["0.5%"],
    )
    max_p50: Duration | None = Field(
        None, description="The maximum median response time of the new pool."
    )
    max_p95: Duration | None = Field(None, description="The maximum 95th percentile.")
    max_p99: Duration | None = Field(None, description="The maximum 99th percentile.")
    max_latency_increase: Growth | None = Field(
        None,
        description="The maximum increase of its 95th percentile over the old pool's in the same "
        "time.",
    )
    checks: list[Check] = Field(
        default_factory=list, max_length=MAX_CHECKS, description="Checks of your own."
    )
    failure_limit: int = Field(
        0, ge=0, le=1_000, description="The number of failed analyses that are tolerated."
    )
    dry_run: bool = Field(
        False, description="`true`: failures are reported, but do not stop the rollout."
    )

    def check(self) -> None:
        seen: set[str] = set()
        for check in self.checks:
            if check.name in seen:
                message = f"two checks are called `{check.name}`"
                raise problem("bad-value", message, "give one of them another name")
            seen.add(check.name)
        for name in ("max_p50", "max_p95", "max_p99"):
            if getattr(self, name) == 0:
                raise problem("out-of-range", f"`{name}` of 0s", "write a longer time")


class Window(Part):
    """A time window in which steps may be taken."""

    start: Schedule = Field(
        description="When it opens, as five cron fields in UTC: `0 9 * * 1-5` is every working "
        "day at 9:00."
    )
    duration: WindowTime = Field(alias="for", description="How long it stays open: `1m` to `168h`.")


class Rollout(Part):
    """A rollout: traffic of some routes moves from one pool to another, step by step."""

    name: Name = Field(description="Unique; commands, logs and the audit log use it.")
    routes: list[Name] = Field(
        min_length=1,
        max_length=MAX_NAMES,
        description="The routes; the split of each must have both pools.",
    )
    source: Name = Field(alias="from", description="The old pool.")
    to: Name = Field(description="The new pool.")
    steps: list[Step] = Field(
        min_length=1,
        max_length=MAX_STEPS,
        description="The steps in order: mirrors and cohorts first, then growing weights.",
    )
    analysis: Analysis | None = Field(
        None, description="The automatic analysis; without it, only time and approvals decide."
    )
    on_success: Literal["promote", "hold"] = Field(
        "promote",
        description="After the last step: `promote` sends all traffic to the new pool, `hold` "
        "waits for a command.",
    )
    on_failure: Literal["rollback", "hold"] = Field(
        "rollback",
        description="When the analysis fails: `rollback` sends no traffic to the new pool any "
        "more, at once; `hold` waits for a command.",
    )
    schedule: list[Window] = Field(
        default_factory=list,
        max_length=MAX_CHECKS,
        description="Steps are only taken in these windows; empty: at any time. A rollback is "
        "always possible.",
    )

    def check(self) -> None:
        if self.source == self.to:
            raise problem("bad-value", "`from` and `to` are the same pool", "name two pools")
        _check_order(self.steps)
        if self.analysis is None:
            for at, step in enumerate(self.steps):
                if step.hold is None and not step.pause:
                    message = f"steps[{at}] has no `hold` and nothing else to wait for"
                    raise problem(
                        "missing-field", message, "add `hold`, `pause: true` or `analysis`"
                    )


def _check_order(steps: list[Step]) -> None:
    """Weights must grow, and steps for few users come before steps for many."""
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
