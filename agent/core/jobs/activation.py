"""Parses a submitted activation into a job of the queue.

`{"activation_id", "activation_data", "priority", "callback_url", "depends_on"}`. `activation_data`
is one of two: a job in one of the shapes `ACTIVATION_SHAPES`, perhaps with `dispatch`,
`max_attempts` and `start_within`; or a row of FiberWise Core (`row.py`), whose agent defines the
job (`resolving.py`).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from agent.core.capabilities.execution import CAPABILITIES, unknown_capability
from agent.core.http.problem import Problem
from agent.core.http.reading import seconds_of, text_of, whole_of
from agent.core.jobs.payload import payload_of, row_payload_of
from agent.core.jobs.resolving import Resolved, input_of
from agent.core.jobs.row import CoreRow, misspelled
from agent.core.jobs.shapes import ACTIVATION_SHAPES, SUBMITTED_WITH, as_capability, shape_of
from agent.queue.job import (
    DEFAULT_ATTEMPTS,
    DEFAULT_PRIORITY,
    HIGHEST,
    LOWEST,
    JobKey,
    Submission,
)
from agent.queue.limits import (
    CAPABILITY,
    CAPABILITY_TEXT,
    MAX_ATTEMPTS,
    MAX_DEPENDENCIES,
    MAX_START_WITHIN_MS,
)
from workers_runtime.json_text import whole

FIELDS = ("activation_id", "activation_data", *SUBMITTED_WITH)
DATA = ACTIVATION_SHAPES[0].known  # of a capability; those of the other shapes are in shapes.py
EXAMPLE = (
    '{"activation_id": "a-1", "activation_data": {"capability": "text-processing", '
    '"input": {"text": "Hello"}}}'
)
# Characters that a path carries unchanged; `.` and `..` would change it.
ID = re.compile(r"[A-Za-z0-9_~:@-][A-Za-z0-9._~:@-]{0,127}")
ID_TEXT = "is text of 1 to 128 of A-Z, a-z, 0-9 and ._~:@-, and begins with no dot"
DISPATCHES = ("edge", "poll")
# Seconds that a job waits for a worker. A day, unless it is said: workers that are started anew
# each day find it, and a capability that no worker has is noticed.
START_WITHIN, MIN_START_WITHIN, MAX_START_WITHIN = 86_400.0, 1.0, MAX_START_WITHIN_MS / 1000


class Activation(NamedTuple):
    submission: Submission
    callback_url: str | None


def activation_of(given: dict[str, object], tenant: str, scopes: frozenset[str]) -> Activation:
    """Raises `Problem`. For `dispatch: edge` an unknown capability makes the job a dead letter, so
    its callback reports it; workers may have any capability."""
    id = text_of(given, "activation_id", ID, ID_TEXT)
    data = given.get("activation_data")
    if not isinstance(data, dict):
        raise Problem(400, f"`activation_data` is an object; send one such as {EXAMPLE}")
    job = _job(data)
    capability = text_of(job, "capability", CAPABILITY, CAPABILITY_TEXT)
    job_input, dispatch = job["input"], data.get("dispatch", "edge")
    if not isinstance(job_input, dict):
        raise Problem(400, "`activation_data.input` is an object")
    if dispatch not in DISPATCHES:
        raise Problem(400, "`activation_data.dispatch` is `edge` or `poll`")
    url = _url(given)
    priority = _priority(given)
    attempts = whole_of(data, "max_attempts", DEFAULT_ATTEMPTS, 1, MAX_ATTEMPTS)
    unknown = unknown_capability(capability) if dispatch == "edge" else None
    own = CAPABILITIES.get(capability)
    payload = payload_of(job_input, url, scopes & own.scopes if own else ())
    submission = Submission(
        *(JobKey(tenant, id), capability, payload, priority, attempts, dispatch, unknown),
        depends_on=_depends_on(given, id),
        start_within_ms=_start_within(data, dispatch),
    )
    return Activation(submission, url)


def _job(data: dict[str, object]) -> dict[str, object]:
    """`capability` and `input`. Raises `Problem`, also for a misspelled `agent_id`."""
    try:
        return as_capability(shape_of(data, ACTIVATION_SHAPES, "activation_data."), data)
    except Problem:
        meant = misspelled(data)
        if meant is None or any(
            name in data for shape in ACTIVATION_SHAPES for name in shape.required
        ):
            raise
    hint = f"did you mean `activation_data.{meant[1]}`?"
    raise Problem(400, f"there is no field `activation_data.{meant[0]}`; {hint}")


def row_activation(
    given: dict[str, object], tenant: str, scopes: frozenset[str], row: CoreRow, agent: Resolved
) -> Activation:
    """An activation of FiberWise Core. Raises `Problem` if the agent cannot run this row."""
    id, url = text_of(given, "activation_id", ID, ID_TEXT), _url(given)
    capability = agent.definition.capability
    held = scopes & CAPABILITIES[capability].scopes
    input_of(agent.definition, row)
    payload = row_payload_of(row, agent, url, held)
    submission = Submission(
        *(JobKey(tenant, id), capability, payload, _priority(given), DEFAULT_ATTEMPTS, "edge"),
        depends_on=_depends_on(given, id),
    )
    return Activation(submission, url)


def _url(given: dict[str, object]) -> str | None:
    url = given.get("callback_url")
    if url is not None and not isinstance(url, str):
        raise Problem(400, "`callback_url` is text, or null")
    return url or None


def _priority(given: dict[str, object]) -> int:
    """Core's priorities are any whole numbers: they are clamped to ours."""
    found = whole(given.get("priority", DEFAULT_PRIORITY))
    if found is None:
        raise Problem(
            400, f"`priority` is a whole number; what is beyond {LOWEST} to {HIGHEST} is cut off"
        )
    return max(LOWEST, min(HIGHEST, found))


def _depends_on(given: dict[str, object], own: str) -> tuple[str, ...]:
    ids = given.get("depends_on", [])
    if not isinstance(ids, list) or not all(isinstance(id, str) and ID.fullmatch(id) for id in ids):
        raise Problem(400, '`depends_on` is a list of ids of activations, such as ["a-1"]')
    if len(ids) > MAX_DEPENDENCIES:
        raise Problem(400, f"`depends_on` has {len(ids)} ids, and {MAX_DEPENDENCIES} are allowed")
    if own in ids:
        raise Problem(422, f"`depends_on` has {own}, the activation itself: it would never start")
    return tuple(dict.fromkeys(ids))


def _start_within(data: dict[str, object], dispatch: str) -> int | None:
    """Jobs that the agent runs itself have no limit unless one is given."""
    if dispatch == "edge" and "start_within" not in data:
        return None
    return seconds_of(data, "start_within", START_WITHIN, MIN_START_WITHIN, MAX_START_WITHIN)
