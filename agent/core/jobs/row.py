"""An activation as FiberWise Core keeps it: a row of its table `agent_activations`.

Core's client posts the whole row as `activation_data`. A row names an agent (`agent_id`,
`agent_type_id`) and no `capability`, unlike a job of ours. Other columns are allowed and ignored.
Objects may be JSON as text, as databases store them.

- Its *request* is the agent, `input_data`, `context` and `metadata`: a submission with the same
  request is a repeated one, whatever else of the row has changed.
- `status`: a row that is `completed` or `cancelled` is refused, for a run would replace an outcome.
  All others are run: `queued` and `pending` wait, `running` means that the row was handed over, and
  a `failed` one that is handed over is to be retried.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from itertools import islice
from typing import NamedTuple

from agent.core.http.problem import Problem
from workers_runtime.json_text import JsonMapping, read_writable_json

SHOWN_FIELDS = 3  # that are searched for a misspelled name
NAMES = ("agent_id", "agent_type_id")
OBJECTS = ("input_data", "context", "metadata")
ENDED = ("completed", "cancelled")
EXAMPLE = '{"agent_id": "summary", "input_data": {"prompt": "Hello"}}'


class CoreRow(NamedTuple):
    """`agent_id` and `agent_type_id`: "" if the row has none."""

    agent_id: str
    agent_type_id: str
    input_data: Mapping[str, object]
    context: Mapping[str, object]
    metadata: Mapping[str, object]
    status: str = "queued"

    @property
    def request(self) -> dict[str, object]:
        """The fields that decide about the run, as a job stores them."""
        return {name: getattr(self, name) for name in (*NAMES, *OBJECTS)}

    def check_status(self) -> None:
        """Raises `Problem` if it has ended."""
        if self.status in ENDED:
            hint = "nothing was run; submit a new activation with an id of its own"
            message = f"`status` is `{self.status}`: {hint}"
            raise Problem(409, message, state=self.status)


def is_row(data: object) -> bool:
    """Whether `activation_data` is a row of Core rather than a job of ours."""
    if not isinstance(data, dict) or data.get("capability") is not None:
        return False
    return any(name in data for name in NAMES)


def read_row(data: Mapping[str, object]) -> CoreRow:
    """Raises `Problem`."""
    agent_id, type_id = (_name(name, data.get(name)) for name in NAMES)
    if not agent_id and not type_id:
        raise Problem(400, f"`activation_data` names no agent; send one such as {EXAMPLE}")
    input_data, context, metadata = (_object(name, data.get(name)) for name in OBJECTS)
    status = str(data.get("status") or "queued")
    return CoreRow(agent_id, type_id, input_data, context, metadata, status)


def row_of(stored: JsonMapping) -> CoreRow:
    """The row from its stored request."""
    return CoreRow(**stored)


def _name(name: str, value: object) -> str:
    if value is not None and not isinstance(value, str):
        raise Problem(400, f"`{name}` is text; send one such as {EXAMPLE}")
    return value or ""


def misspelled(data: Mapping[str, object]) -> tuple[str, str] | None:
    """A misspelled column that names an agent, and its right name. Returns None if there is
    none."""
    for name in islice(data, SHOWN_FIELDS):
        if nearest := get_close_matches(name[:80], NAMES, n=1, cutoff=0.7):
            return name, nearest[0]
    return None


def _object(name: str, value: object) -> dict[str, object]:
    """An object, or JSON as text; an empty one if there is nothing."""
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        try:
            value = read_writable_json(value)
        except ValueError:
            raise Problem(400, f"`{name}` is text, but not a JSON object") from None
        if value is None:
            return {}
    if not isinstance(value, dict):
        raise Problem(400, f"`{name}` is an object, or one as JSON in text")
    return value
