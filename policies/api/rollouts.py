"""`/.router/rollouts`, and what the audit log has of them."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from typing_extensions import TypedDict

from policies.api.values import By, Length, Time, about

Percent = Annotated[float, about("In percent", ge=0, le=100)]
State = Literal["waiting", "running", "gate", "paused", "held", "succeeded", "rolled-back"]
Action = Literal["start", "approve", "pause", "resume", "promote", "rollback"]


class HeaderMatch(TypedDict):
    """`value`, or `regex`."""

    name: str
    value: NotRequired[str]
    regex: NotRequired[str]


class Cohort(TypedDict):
    """Requests that go to the new pool whatever the weights are: one of both."""

    header: NotRequired[HeaderMatch]
    key: NotRequired[Annotated[list[str], about("Ids of API keys")]]


class Step(TypedDict):
    """Exactly one of `weight`, `header`, `key` and `mirror`."""

    weight: NotRequired[Annotated[float, about("Of the new pool, in percent")]]
    header: NotRequired[HeaderMatch]
    key: NotRequired[Annotated[list[str], about("Ids of API keys")]]
    mirror: NotRequired[Annotated[str, about("The share that is mirrored, such as `10%`")]]
    hold: Annotated[Length, about("How long it lasts")]
    pause: Annotated[bool, about("Whether it waits for approval")]


class Counted(TypedDict):
    """A pool's requests in an interval."""

    requests: Annotated[int, about("", ge=0)]
    errors: Annotated[int, about("", ge=0)]
    error_rate: Annotated[float | None, about("From 0 to 1")]
    p50: Annotated[float | None, about("In milliseconds")]
    p95: Annotated[float | None, about("In milliseconds")]
    p99: Annotated[float | None, about("In milliseconds")]


class CheckResult(TypedDict):
    name: str
    result: Literal["passed", "failed", "error"]
    detail: str


Verdict = TypedDict(
    "Verdict",
    {
        "at": Time,
        "verdict": Literal["passed", "failed", "no-data", "inconclusive"],
        "reasons": list[str],
        "from": Counted,
        "to": Counted,
        "checks": list[CheckResult],
    },
)
Verdict.__doc__ = "What an interval said; `from` is the old pool, `to` the new one."
Sides = TypedDict("Sides", {"from": int, "to": int})
Sides.__doc__ = "Requests of the interval that is running, by pool."


class Evidence(TypedDict):
    value: Annotated[float, about("How much speaks for a failure", ge=0)]
    alarm: Annotated[int, about("From which value it is one", ge=0)]


class Analysis(TypedDict):
    interval: Length
    next_at: Annotated[Time | None, about("When the interval is over; null: it is not judged")]
    min_requests: int
    failure_limit: Annotated[int, about("How many failures have no consequences")]
    failures: Annotated[int, about("So far", ge=0)]
    dry_run: bool
    requests: Sides
    evidence: Annotated[dict[str, Evidence], about("By limit, such as `p95`")]
    last: Annotated[Verdict | None, about("Of the last interval")]


class Window(TypedDict):
    """When steps may be taken."""

    open: bool
    until: Annotated[Time | None, about("When it closes; null: it is closed")]
    next_at: Annotated[Time | None, about("When it opens; null: it is open, or never")]


Planned = TypedDict(
    "Planned",
    {
        "name": str,
        "routes": list[str],
        "from": Annotated[str, about("The old pool")],
        "to": Annotated[str, about("The new pool")],
        "steps": list[Step],
    },
)


class Rollout(Planned):
    """A rollout, whether it has been started or not."""

    state: State
    reason: Annotated[str, about("Why it is in that state")]
    run: Annotated[str | None, about("The id of this run; null: not started")]
    by: Annotated[str | None, about("Who started it")]
    note: Annotated[str | None, about("The last one that somebody gave")]
    weight: Annotated[float | None, about("Of the new pool, in percent; null: as the file has it")]
    file_weight: Annotated[dict[str, float], about("By route, as the file has it")]
    step: Annotated[int | None, about("Which one, from 1; null: not started")]
    since: Annotated[Time | None, about("When the state began")]
    started_at: Time | None
    step_since: Annotated[Time | None, about("When the step began")]
    hold_until: Annotated[Time | None, about("When the step's time is over")]
    cohorts: list[Cohort]
    mirror: Annotated[float | None, about("The share that is mirrored", ge=0, le=1)]
    analysis: Analysis | None
    window: Annotated[Window | None, about("Null: steps may be taken at any time")]


class Rollouts(TypedDict):
    at: Time | None
    rollouts: list[Rollout]


class OneRollout(TypedDict):
    at: Time | None
    rollout: Rollout


EventName = Literal[
    "rollout-started",
    "rollout-step",
    "rollout-gate",
    "rollout-approved",
    "rollout-paused",
    "rollout-resumed",
    "rollout-held",
    "rollout-failed-check",
    "rollout-promoted",
    "rollout-succeeded",
    "rollout-rolled-back",
    "rollout-settled",
]


class RolloutEvent(TypedDict):
    """A transition of a rollout."""

    at: Time
    event: EventName
    rollout: str
    run: str
    by: Annotated[By | None, about("Null: the router did it")]
    state: State
    step: Annotated[int, about("From 1")]
    before: Annotated[float | None, about("The weight before, in percent")]
    weight: Annotated[float | None, about("The weight after, in percent")]
    reason: str
    note: str | None
    numbers: Annotated[Verdict | None, about("What it was decided on")]


class RolloutEvents(TypedDict):
    events: Annotated[list[RolloutEvent], about("The newest first")]


class RolloutCommand(TypedDict):
    """What may be told with a command; all of it may be missing."""

    note: NotRequired[Annotated[str | None, about("Why, for the history", max_length=500)]]
    force: NotRequired[Annotated[bool, about("Also where it had better not be done")]]
