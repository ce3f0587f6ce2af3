"""Problem documents (RFC 9457), and the audit log."""

from __future__ import annotations

from typing import Annotated

from typing_extensions import TypedDict

from policies.api.drills import DrillEvent, Gap
from policies.api.rollouts import RolloutEvent
from policies.api.values import about


class Problem(TypedDict):
    """Why there is no other answer."""

    type: Annotated[str, about("`urn:fiberwise-router:problem:` and the code")]
    title: str
    status: int
    detail: Annotated[str, about("What is wrong with this request, and how to mend it")]
    code: Annotated[str, about("Its heading in the list of problems")]
    request_id: str


class DrillRefused(Problem):
    """The drill would leave a route with nothing, or cannot be started now."""

    reason: str
    gaps: list[Gap]
    more: Annotated[int, about("How many gaps are not told", ge=0)]


class RolloutRefused(Problem):
    """The rollout is left as it is."""

    reason: str


class Audit(TypedDict):
    events: Annotated[list[DrillEvent | RolloutEvent], about("The newest first")]
