"""What becomes of requests that schemathesis makes, before they are sent.

Each stays as valid as it was. Activations have ids of their own, where the document's example
would be the same one again, and those for workers that poll need what there is. Nothing is
sent from here to the Internet: URLs lead to this machine, where the agent refuses to go, and
callbacks to a receiver of the tests. No poll waits for long. Text in a row of Core's is JSON.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import count
from typing import Any

import schemathesis

from agent.core.jobs.row import OBJECTS
from agent.queue.limits import CAPABILITY

RECEIVER = "AGENT_FUZZ_RECEIVER"  # the variable with the URL for callbacks
EXAMPLE, POLLED = "a-1", "text-processing"
NOWHERE = "http://127.0.0.1/"
LONGEST_WAIT, SHORT_WAIT = 25, 0.02  # seconds: the longest that is valid, and what becomes of it

_numbers = count(1)


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    if isinstance(case.query, Mapping) and _waits(case.query.get("wait")):
        case.query = {**case.query, "wait": SHORT_WAIT}
    if isinstance(case.body, Mapping):
        case.body = _tamed(dict(case.body))


def _tamed(body: dict[str, Any]) -> dict[str, Any]:
    if _waits(body.get("wait")):
        body["wait"] = SHORT_WAIT
    if body.get("activation_id") == EXAMPLE:
        body["activation_id"] = f"a-{next(_numbers)}"
    data = body.get("activation_data")
    if isinstance(data, Mapping) and data.get("dispatch") == "poll" and _is_name(data):
        body["activation_data"] = {**data, "capability": POLLED}
    if isinstance(data, Mapping) and data.get("capability") is None:
        body["activation_data"] = {
            **data,
            **{name: "{}" for name in OBJECTS if _is_text(data, name)},
        }
    if isinstance(body.get("callback_url"), str):
        body["callback_url"] = os.environ[RECEIVER]
    asked = body.get("input")
    if isinstance(asked, Mapping) and _is_valid_url(asked.get("url")):
        body["input"] = {**asked, "url": NOWHERE}
    return body


def _is_text(data: Mapping[str, Any], name: str) -> bool:
    """Whether it may be JSON as text: which text is JSON no schema says."""
    return isinstance(data.get(name), str)


def _is_name(data: Mapping[str, Any]) -> bool:
    capability = data.get("capability")
    return isinstance(capability, str) and bool(CAPABILITY.fullmatch(capability))


def _waits(value: object) -> bool:
    """Whether it is a valid time; a query has it as text."""
    try:
        return SHORT_WAIT < float(str(value)) <= LONGEST_WAIT
    except ValueError:
        return False


def _is_valid_url(value: object) -> bool:
    return isinstance(value, str) and value != ""
