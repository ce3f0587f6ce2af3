"""The shapes of jobs in requests, in one table.

- A body matches a shape if it has all required fields and no unknown one. No body matches two
  shapes: a test checks the table.
- A shape names the capability that runs it, and formats its response: `capability` with `input` is
  the agent's own shape, the others are those that FiberWise's clients send.
- A body without a shape is refused with the nearest one: what is missing, what is unknown, and an
  example.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import NamedTuple

from agent.core.capabilities import completion, embeddings, python
from agent.core.capabilities.sql import database
from agent.core.http.problem import Problem
from agent.core.http.reading import SHOWN
from workers_runtime.json_text import JsonMapping

MAX_SHOWN = 3  # unknown fields, in an error
# The fields of a job from /poll. Those of a lease identify it; the others must equal those of the
# job in the queue.
LEASE = ("job_id", "worker_id", "attempt")
HANDED_OUT = (
    *("capability", "input", "inputs", "priority", "max_attempts", "submitted_at"),
    "lease_until",
)
# Options of a job in an activation.
ACTIVATION_OPTIONS = ("dispatch", "max_attempts", "start_within")
# Options beside an activation's id and data.
SUBMITTED_WITH = ("priority", "callback_url", "depends_on")

ResultFields = JsonMapping  # `result`, and further fields of the capability
WriteAnswer = Callable[[ResultFields, float], dict[str, object]]


class Shape(NamedTuple):
    """`title`: its name in errors. `capability`: what runs it, if the body does not say.
    `to_response`: formats the outcome of a job and its duration as fields of the response.
    `failed`: the `status` of a job that failed."""

    title: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    example: str
    capability: str = ""
    to_response: WriteAnswer = lambda outcome, _: {"status": "completed", **outcome}
    failed: str = "failed"

    @property
    def known(self) -> tuple[str, ...]:
        return (*self.required, *self.optional)

    def fits(self, given: Mapping[str, object]) -> bool:
        return all(name in given for name in self.required) and set(given) <= set(self.known)

    def input_of(self, given: Mapping[str, object]) -> dict[str, object]:
        """The input of the capability."""
        own = ("job_id", *ACTIVATION_OPTIONS)
        return {name: value for name, value in given.items() if name not in own}


def type_of(value: object) -> str:
    """JavaScript's `typeof` of a JSON value: lists and null are objects."""
    kinds: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (bool, "boolean"),
        ((int, float), "number"),
        (str, "string"),
    )
    return next((name for kind, name in kinds if isinstance(value, kind)), "object")


def _typed(outcome: ResultFields, took_ms: float) -> dict[str, object]:
    result = {
        "result": outcome["result"],
        "type": type_of(outcome["result"]),
        "execution_time_ms": round(took_ms, 3),
    }
    return {"status": "completed", **outcome, "result": result}


def _plain(outcome: ResultFields, _: float) -> dict[str, object]:
    return {"status": "success", **outcome}


def _spread(outcome: ResultFields, _: float) -> dict[str, object]:
    """The fields of the result become fields of the response."""
    more = {name: value for name, value in outcome.items() if name != "result"}
    return {"status": "success", **outcome["result"], **more}


def _vectors(outcome: ResultFields, took_ms: float) -> dict[str, object]:
    """`embeddings` of several texts are those of `data`, which results hold once."""
    fields = _spread(outcome, took_ms)
    return {**fields, "embeddings": fields.get("embeddings", fields["data"])}


def _without(fields: Sequence[str], *named: str) -> tuple[str, ...]:
    return tuple(name for name in fields if name not in named)


_PYTHON = _without(python.FIELDS, "code")
JOB = Shape(
    "a job of a capability",
    ("capability",),
    ("input", "job_id"),
    '{"capability": "text-processing", "input": {"text": "Hello"}}',
)
LEASED = Shape(
    "a job that /poll handed out",
    LEASE,
    ("tenant", *HANDED_OUT),
    '{"job_id": "a-1", "worker_id": "w-1", "attempt": 1}',
)
CODE_JOB = Shape(
    "a job of Python",
    ("job_id", "code"),
    _PYTHON,
    '{"job_id": "a-1", "code": "result = 2 + 2", "context": {}}',
    "python-execution",
    _typed,
)
CODE = Shape(
    "Python code",
    ("code",),
    _PYTHON,
    '{"code": "result = 2 + 2", "context": {}}',
    "python-execution",
    _plain,
    "error",
)
QUERY = Shape(
    "a query of the database",
    ("query",),
    (*_without(database.FIELDS, "query", "sql"), "job_id"),
    '{"query": "SELECT ? AS a", "params": [1]}',
    "database",
    _spread,
    "error",
)
PROMPT = Shape(
    "a prompt for a model",
    ("prompt",),
    (*_without(completion.FIELDS, "prompt", "messages"), "job_id"),
    '{"prompt": "Hello", "model": "@cf/meta/llama-2-7b-chat-fp16"}',
    "ai-completion",
    _spread,
    "error",
)
TEXT = Shape(
    "a text for embeddings",
    ("text",),
    (*_without(embeddings.FIELDS, "text"), "job_id"),
    '{"text": "Hello", "model": "@cf/baai/bge-base-en-v1.5"}',
    "ai-embeddings",
    _vectors,
    "error",
)
ACTIVATION = Shape(
    "an activation",
    ("activation_id", "job_data"),
    SUBMITTED_WITH,
    '{"activation_id": "a-1", "job_data": {"code": "result = 2 + 2", "context": {}}}',
)
# Bodies of `POST /execute`.
EXECUTE_SHAPES = (JOB, LEASED, CODE, CODE_JOB, QUERY, PROMPT, TEXT, ACTIVATION)


def _activation_shape(shape: Shape) -> Shape:
    """The shape as data of an activation, whose id and response format are the activation's."""
    to_response = _typed if shape is CODE else JOB.to_response
    optional = (*_without(shape.optional, "job_id"), *ACTIVATION_OPTIONS)
    return shape._replace(optional=optional, to_response=to_response, failed="failed")


# The data of activations.
ACTIVATION_SHAPES = tuple(_activation_shape(shape) for shape in (JOB, CODE, QUERY, PROMPT, TEXT))


def shape_of(given: Mapping[str, object], shapes: Sequence[Shape], where: str = "") -> Shape:
    """Raises `Problem`. `where`: what stands before the names of fields in errors."""
    found = next((shape for shape in shapes if shape.fits(given)), None)
    if found is None:
        raise Problem(400, _refusal(given, shapes, where))
    return found


def as_capability(shape: Shape, given: Mapping[str, object]) -> dict[str, object]:
    """`capability` and `input`, not validated yet."""
    if shape.capability:
        return {"capability": shape.capability, "input": shape.input_of(given)}
    return {"capability": given["capability"], "input": given.get("input", {})}


def _refusal(given: Mapping[str, object], shapes: Sequence[Shape], where: str) -> str:
    shape = min(shapes, key=lambda shape: _distance(given, shape))
    faults = [
        f"there is no field `{where}{name[:SHOWN]}` in {shape.title}, "
        f"{_hint(name, shape, given, shapes, where)}"
        for name in _unknown(given, shape)
    ]
    missing = [f"`{where}{name}`" for name in shape.required if name not in given]
    if missing:
        are = "is" if len(missing) == 1 else "are"
        faults.append(f"{' and '.join(missing)} {are} missing for {shape.title}")
    return f"{'; '.join(faults)}; send one such as {shape.example}"


def _hint(
    name: str, shape: Shape, given: Mapping[str, object], shapes: Sequence[Shape], where: str
) -> str:
    """A hint about an unknown field."""
    owner = next((other.title for other in shapes if name in other.required), None)
    if owner:
        return f"it is for {owner}, so send one of the two"
    if nearest := _nearest(name, shape, given):
        return f"did you mean `{where}{nearest}`?"
    return f"known: {', '.join(shape.known)}"


def _distance(given: Mapping[str, object], shape: Shape) -> float:
    """How far a body is from a shape: an unknown field counts more than a missing one, a misspelled
    one least."""
    missing = {name for name in shape.required if name not in given}
    unknown = _unknown(given, shape)
    meant = {nearest for name in unknown if (nearest := _nearest(name, shape, given))}
    return len(missing - meant) + 2 * len(unknown) - len(meant) / 2


def _unknown(given: Mapping[str, object], shape: Shape) -> list[str]:
    """The first few unknown fields: a body may have many, and each costs a search for a similar
    name."""
    return list(islice((name for name in given if name not in shape.known), MAX_SHOWN))


def _nearest(name: str, shape: Shape, given: Mapping[str, object]) -> str | None:
    free = [field for field in shape.known if field not in given]
    return next(iter(get_close_matches(name[:SHOWN], free, n=1)), None)
