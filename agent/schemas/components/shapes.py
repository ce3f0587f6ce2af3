"""Schemas of the other shapes of jobs, in requests and responses.

Their fields are those of the capability's input and result, as listed in
`agent/core/jobs/shapes.py`.
"""

from __future__ import annotations

from agent.core.jobs import shapes
from agent.core.jobs.shapes import Shape
from agent.schemas.components import inputs, jobs, results
from agent.schemas.components.values import (
    Schema,
    always,
    an_id,
    anything,
    discriminated,
    either,
    fields_of,
    listed,
    number,
    ref,
    time,
    whole,
)

# The input whose fields a shape has, and the name of its schemas.
OF_INPUT = {
    "code": ("PythonInput", "Python"),
    "query": ("QueryInput", "Database"),
    "prompt": ("PromptInput", "Completion"),
    "text": ("EmbeddingsInput", "Embeddings"),
}
_JOB_ID = an_id("for the answer; made up, if it is missing")
_OPTIONS = {name: jobs.DATA["properties"][name] for name in shapes.ACTIVATION_OPTIONS}


def _name(shape: Shape) -> str:
    return OF_INPUT[shape.required[-1]][1]


def _request_schema(shape: Shape) -> Schema:
    input_name, _ = OF_INPUT[shape.required[-1]]
    known = {**inputs.SCHEMAS[input_name]["properties"], "job_id": _JOB_ID}
    fields = {name: known[name] for name in shape.known}
    return fields_of(fields, shape.title[0].upper() + shape.title[1:], shape.optional)


def _activation_data(shape: Shape) -> Schema:
    """As data of an activation, whose input is looked at when the job is run."""
    input_name, _ = OF_INPUT[shape.required[-1]]
    about = f"as in {input_name}; it is looked at when the job is run"
    fields = {name: _OPTIONS.get(name, anything(about)) for name in shape.known}
    return fields_of(fields, shape.title[0].upper() + shape.title[1:], shape.optional)


def _answer(capability: str, fields: dict[str, Schema], optional: tuple[str, ...] = ()) -> Schema:
    properties = {
        "status": ref("SuccessStatus"),
        "capability": always(capability, "what has done it"),
        "job_id": an_id("of the request, or made up"),
        **fields,
        "age": whole("seconds; of a result that was kept"),
        "execution_time_ms": number("milliseconds"),
        "completed_at": time("when it was answered"),
    }
    return fields_of(properties, f"Of `{capability}`, sent without its name", (*optional, "age"))


def _of_result(capability: str, name: str, **more: Schema) -> Schema:
    """The fields of the result are those of the answer."""
    result = results.SCHEMAS[name]
    fields = {**result["properties"], **more}
    given = {*result.get("required", ()), *more}
    return _answer(capability, fields, tuple(name for name in fields if name not in given))


_VECTOR = listed({"type": "number"})
_REQUESTS = {
    f"{_name(shape)}Request": _request_schema(shape)
    for shape in shapes.EXECUTE_SHAPES
    if shape.capability and shape is not shapes.CODE_JOB
}
_DATA = {
    f"{_name(shape)}Data": _activation_data(shape)
    for shape in shapes.ACTIVATION_SHAPES
    if shape.capability
}

SCHEMAS: dict[str, Schema] = {
    "Execute": either(
        *(ref(name) for name in ("Job", "Lease", *_REQUESTS, "PythonJobRequest", "ActivationRun"))
    ),
    **_REQUESTS,
    "PythonJobRequest": _request_schema(shapes.CODE_JOB),
    "ActivationRun": fields_of(
        {
            "activation_id": an_id("the same one again is the same activation"),
            "job_data": jobs.SENT_DATA,
            **{name: jobs.SUBMITTED[name] for name in shapes.ACTIVATION.optional},
        },
        "An activation that is kept, run and answered",
        shapes.ACTIVATION.optional,
    ),
    **_DATA,
    "Executed": either(ref("Completed"), ref("Succeeded")),
    "Succeeded": discriminated(
        "capability",
        {
            "python-execution": "PythonAnswer",
            "database": "DatabaseAnswer",
            "ai-completion": "CompletionAnswer",
            "ai-embeddings": "EmbeddingsAnswer",
        },
    ),
    "SuccessStatus": always("success"),
    "PythonAnswer": _answer(
        "python-execution",
        {
            "result": results.ANY_RESULT,
            "stdout": results.STDOUT,
            "warm": results.WARM,
        },
    ),
    "DatabaseAnswer": _of_result("database", "QueryResult"),
    "CompletionAnswer": _of_result("ai-completion", "CompletionResult"),
    "EmbeddingsAnswer": _of_result(
        "ai-embeddings",
        "EmbeddingsResult",
        embeddings=either(
            _VECTOR, listed(_VECTOR), about="the vector of a text, or those of a list of texts"
        ),
    ),
}
