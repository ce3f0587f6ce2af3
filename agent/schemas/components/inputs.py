"""Schemas of capabilities: the `input` of their jobs."""

from __future__ import annotations

from agent.core.capabilities import completion, embeddings, scraping, text
from agent.core.capabilities.models import MAX_MODEL, MODEL
from agent.core.capabilities.python import FUNCTION
from agent.core.capabilities.sql import database, values
from agent.core.capabilities.sql.statement import MAX_SQL
from agent.core.web.request import (
    BODILESS,
    MAX_ANSWER,
    MAX_HEADERS,
    MAX_TIMEOUT_MS,
    METHODS,
    TIMEOUT_MS,
)
from agent.sandbox.execute import MAX_CODE
from agent.sandbox.execute import MAX_TIMEOUT_MS as MAX_PYTHON_MS
from agent.sandbox.execute import TIMEOUT_MS as PYTHON_MS
from agent.schemas.components.values import (
    Schema,
    always,
    any_object,
    anything,
    either,
    fields_of,
    listed,
    matching,
    number,
    one_of,
    ref,
    whole,
    yes_or_no,
)
from agent.schemas.components.values import text as words
from workers_runtime.urls import MAX_URL

_TEXT = words("the text", maxLength=text.MAX_TEXT, examples=["One two. Three!"])
_MODEL = matching(MODEL, "the name of a model of Workers AI", maxLength=MAX_MODEL)
_URL = words("where to", minLength=1, maxLength=MAX_URL, examples=["https://example.com/"])
_TIMEOUT = whole("milliseconds for all of it", 100, MAX_TIMEOUT_MS, default=TIMEOUT_MS)
_NUMBERS = {
    name: number("passed on to the model", least, most)
    for name, (least, most) in completion.RANGES.items()
}
_WHOLE = {
    name: whole("passed on to the model", int(least), int(most))
    for name, (least, most) in completion.WHOLE.items()
}


def _text(operation: str, about: str, **fields: Schema) -> Schema:
    named = always(operation, "what is done")
    optional = [*fields, *(["operation"] if operation == "statistics" else [])]
    return fields_of({"text": _TEXT, "operation": named, **fields}, about, optional)


def _messages() -> dict[str, Schema]:
    fields = {
        "role": one_of(completion.ROLES),
        "content": words("null only with `tool_calls`", minLength=1),
        "name": anything("passed on"),
        "tool_calls": anything("passed on"),
        "tool_call_id": anything("passed on"),
    }
    message = fields_of(fields, optional=("name", "tool_calls", "tool_call_id"))
    called = {**fields, "role": always("assistant"), "content": {"type": "null"}}
    called["tool_calls"] = listed(anything("a call"))
    about = "what somebody has said; of a model's calls the content may be missing"
    return {
        "Message": either(ref("SaidMessage"), ref("CallingMessage"), about=about),
        "SaidMessage": message,
        "CallingMessage": fields_of(called, optional=("content", "name", "tool_call_id")),
    }


def _completion(prompt_fields: dict[str, Schema]) -> Schema:
    stop = words(minLength=1, maxLength=completion.MAX_STOP)
    fields = {
        **prompt_fields,
        "system": words("a message that goes first", minLength=1),
        "model": _MODEL,
        "stop": either(
            stop,
            listed(stop, minItems=1, maxItems=completion.MAX_STOPS),
            about="where the answer ends",
        ),
        **_NUMBERS,
        **_WHOLE,
        "response_format": ref("ResponseFormat", "the form of the answer, as models take it"),
        "tools": listed(anything("a tool"), "what the model may call"),
        "stream": yes_or_no("the answer is server-sent events", default=False),
    }
    fields["max_tokens"] = {**_WHOLE["max_tokens"], "default": completion.USUAL_TOKENS}
    return fields_of(fields, optional=[name for name in fields if name not in prompt_fields])


_PROMPT = words("what to go on from", minLength=1, examples=["Hello"])
_MESSAGES = listed(
    ref("Message"), "the conversation so far", minItems=1, maxItems=completion.MAX_MESSAGES
)
_EMBEDDED = words(minLength=1, maxLength=embeddings.MAX_TEXT, pattern=r"\S", examples=["a text"])
_PARAMS = listed(ref("SqlValue"), "of `?`", maxItems=values.MAX_PARAMS)
_PLAIN: Schema = {"type": ["string", "number", "boolean"]}
_STATUS = either(
    {"type": "integer", "minimum": 200, "maximum": 599},
    words(pattern="^[2-5]xx$", examples=["2xx"]),
    about="a status such as 200 or 2xx",
)


def _call(methods: tuple[str, ...], about: str, **body: Schema) -> Schema:
    method: Schema = {"type": "string", "enum": list(methods)}
    has_usual = "GET" in methods
    fields = {
        "url": _URL,
        "method": {**method, "default": "GET"} if has_usual else method,
        "headers": ref("CallHeaders", "not those of the connection, of the agent, or of proxies"),
        "query": ref("CallQuery", "added to the URL"),
        **body,
        "timeout_ms": _TIMEOUT,
        "max_bytes": whole("of the answer's body", 1, MAX_ANSWER, default=MAX_ANSWER),
        "expect": either(
            _STATUS, listed(_STATUS), about="statuses; any other one is an error then"
        ),
    }
    required = ("url",) if has_usual else ("url", "method")
    return fields_of(fields, about, [name for name in fields if name not in required])


_WITH_BODY = tuple(name for name in METHODS if name not in BODILESS)


def _statement(name: str, about: str) -> Schema:
    fields = {
        name: words("one statement", maxLength=MAX_SQL, examples=["SELECT 2 AS two"]),
        "params": either(
            _PARAMS,
            listed(_PARAMS, maxItems=values.MAX_TIMES),
            about="values, or a list of them for each time that a change is run",
        ),
        "max_rows": whole("of the result", 1, database.MAX_ROWS, default=database.USUAL_ROWS),
        "timeout_ms": whole(
            "milliseconds to wait for the answer",
            database.MIN_TIMEOUT_MS,
            database.MAX_TIMEOUT_MS,
            default=database.TIMEOUT_MS,
        ),
    }
    return fields_of(fields, about, ("params", "max_rows", "timeout_ms"))


SCHEMAS: dict[str, Schema] = {
    "TextInput": either(ref("StatisticsInput"), ref("ChunkInput"), ref("ExtractInput")),
    "StatisticsInput": _text("statistics", "How many characters, words and so on"),
    "ChunkInput": _text(
        "chunk",
        "Pieces that end between words",
        size=whole("characters", 1, text.MAX_TEXT, default=text.CHUNK),
        overlap=whole("characters; less than `size`", 0, text.MAX_TEXT, default=0),
    ),
    "ExtractInput": _text(
        "extract",
        "What stands in it",
        kinds=listed(one_of(text.KINDS), "default all of them", minItems=1),
    ),
    "PythonInput": fields_of(
        {
            "code": words("a module", maxLength=MAX_CODE, examples=["result = 2 + 2"]),
            "context": ref("PythonContext", "what the code finds in `context`, and as globals"),
            "timeout_ms": whole("milliseconds", 1, MAX_PYTHON_MS, default=PYTHON_MS),
            "function": matching(FUNCTION, "one that the code defines, to be called"),
            "arguments": ref("PythonContext", "of `function`, by the names of its parameters"),
        },
        optional=("context", "timeout_ms", "function", "arguments"),
        dependentRequired={"arguments": ["function"]},
    ),
    "PythonContext": any_object("Any values of JSON by their names"),
    "CompletionInput": either(ref("PromptInput"), ref("ConversationInput")),
    "PromptInput": _completion({"prompt": _PROMPT}),
    "ConversationInput": _completion({"messages": _MESSAGES}),
    "ResponseFormat": any_object("The form of a model's answer, as models take it"),
    **_messages(),
    "EmbeddingsInput": fields_of(
        {
            "text": either(_EMBEDDED, listed(_EMBEDDED, minItems=1, maxItems=embeddings.MAX_TEXTS)),
            "model": _MODEL,
            "pooling": one_of(embeddings.POOLING),
        },
        optional=("model", "pooling"),
    ),
    "DatabaseInput": either(ref("StatementInput"), ref("QueryInput")),
    "StatementInput": _statement("sql", "Rows come as lists"),
    "QueryInput": _statement("query", "Rows come as objects, too"),
    "SqlValue": either(
        {"type": ["null", "boolean", "string"]},
        {"type": "number"},
        ref("Bytes"),
        about="whole numbers only up to 2**53",
    ),
    "Bytes": fields_of({"base64": matching(values.BASE64, "bytes")}, "Bytes of SQL"),
    "ScrapingInput": fields_of(
        {
            "url": _URL,
            "extract": listed(one_of(scraping.EXTRACTS), "parts; default all of them", minItems=1),
            "timeout_ms": _TIMEOUT,
            "ignore_robots": yes_or_no("for one's own pages", default=False),
        },
        optional=("extract", "timeout_ms", "ignore_robots"),
    ),
    "CallInput": either(ref("PlainCall"), ref("JsonCall"), ref("TextCall")),
    "PlainCall": _call(METHODS, "Without a body"),
    "JsonCall": _call(_WITH_BODY, "With JSON", json=anything("any value: the body")),
    "TextCall": _call(_WITH_BODY, "With text", body=words("the body")),
    "CallHeaders": any_object(
        "Headers by their names", additionalProperties=words(), maxProperties=MAX_HEADERS
    ),
    "CallQuery": any_object(
        "Parameters by their names", additionalProperties=either(_PLAIN, listed(_PLAIN))
    ),
}

# The input of each capability by its name here.
INPUTS = {
    "python-execution": "PythonInput",
    "text-processing": "TextInput",
    "ai-completion": "CompletionInput",
    "ai-embeddings": "EmbeddingsInput",
    "database": "DatabaseInput",
    "web-scraping": "ScrapingInput",
    "api-calls": "CallInput",
}
