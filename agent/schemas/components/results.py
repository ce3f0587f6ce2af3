"""Schemas of capabilities: the `result` of their jobs, and further fields."""

from __future__ import annotations

from agent.core.capabilities import scraping, text
from agent.core.capabilities.models import PROVIDER
from agent.schemas.components.inputs import INPUTS
from agent.schemas.components.values import (
    Schema,
    always,
    an_id,
    any_object,
    anything,
    either,
    fields_of,
    listed,
    number,
    or_null,
    ref,
    time,
    whole,
    yes_or_no,
)
from agent.schemas.components.values import text as words

_STATISTICS: dict[str, Schema] = {
    **{name: whole("") for name in ("characters", "lines", "words", "sentences")},
    "average_word_length": number("characters"),
    "top_words": listed(ref("CountedWord"), "the most frequent ones", maxItems=text.TOP),
}
_CHUNKS: dict[str, Schema] = {
    "chunks": listed(ref("Chunk")),
    "count": whole("of the chunks"),
}
_FOUND = {name: listed(words(), maxItems=text.MAX_FOUND) for name in text.KINDS}
_STAND_IN = yes_or_no("true: said by the stand-in for Workers AI that runs locally")
_LINE = words(maxLength=scraping.MAX_LINE)
_PARTS: dict[str, Schema] = {
    "title": _LINE,
    "description": _LINE,
    "language": words("of `<html>`"),
    "canonical": or_null(words("the page's address, as it says itself")),
    "headings": listed(ref("Heading"), maxItems=scraping.MAX_HEADINGS),
    "text": words("a line for each block", maxLength=scraping.MAX_TEXT),
    "links": listed(ref("PageLink"), maxItems=scraping.MAX_LINKS),
    "metadata": ref("PageMetadata", "`<meta>` by name"),
}
_PAGE: dict[str, Schema] = {
    "url": words("after redirects"),
    "status": whole("", 200, 299),
    "content_type": words(),
    **_PARTS,
    "cut": listed(words(), "names of parts that are not whole"),
}
_ANSWERED: dict[str, Schema] = {
    "status": whole("", 200, 599),
    "url": words("after redirects"),
    "headers": ref(
        "AnsweredHeaders", "`set-cookie` is a list; whatever else is there twice is joined"
    ),
    "json": anything("the body, if it is JSON"),
    "text": words("the body, if it is other text"),
    "base64": words("the body, if it is neither"),
    "cut": yes_or_no("the body had more bytes"),
    "took_ms": number("milliseconds"),
}

_TABLE: dict[str, Schema] = {
    "columns": listed(words()),
    "rows": listed(listed(anything("as parameters are")), "values by the columns' order"),
    "row_count": whole(""),
    "changes": whole("rows that were changed"),
    "truncated": yes_or_no("there was more"),
    "took_ms": number("milliseconds"),
    "rounded": listed(words(), "columns of numbers that may not be exact"),
}
_PROVIDER = always(PROVIDER, "who runs the model")

SCHEMAS: dict[str, Schema] = {
    "TextResult": either(ref("TextStatistics"), ref("TextChunks"), ref("TextFindings")),
    "TextStatistics": fields_of(_STATISTICS, "Of `statistics`"),
    "CountedWord": fields_of({"word": words(), "count": whole("", 1)}),
    "TextChunks": fields_of(_CHUNKS, "Of `chunk`"),
    "Chunk": fields_of({"start": whole("its place in the text"), "text": words()}),
    "TextFindings": fields_of(_FOUND, "Of `extract`", tuple(_FOUND), minProperties=1),
    "CompletionResult": fields_of(
        {
            "model": words("who has answered"),
            "provider": _PROVIDER,
            "text": words("what it said; JSON is text, too"),
            "usage": anything("tokens, as the model counts them"),
            "finish_reason": anything("why it ended"),
            "tool_calls": anything("what the model wants to call"),
            "stand_in": _STAND_IN,
        },
        optional=("usage", "finish_reason", "tool_calls", "stand_in"),
    ),
    "EmbeddingsResult": fields_of(
        {
            "model": words("who has answered"),
            "provider": _PROVIDER,
            "shape": listed({"type": "integer"}, "how many texts, and dimensions"),
            "data": listed(listed({"type": "number"}), "a vector for each text"),
            "embeddings": listed({"type": "number"}, "the vector, if `text` is no list"),
            "dimensions": whole("of each vector"),
            "pooling": anything("as the model says it"),
            "usage": anything("tokens, as the model counts them"),
            "stand_in": _STAND_IN,
        },
        optional=("shape", "embeddings", "dimensions", "pooling", "usage", "stand_in"),
    ),
    "DatabaseResult": either(ref("TableResult"), ref("QueryResult")),
    "TableResult": fields_of(_TABLE, "Of `sql`", optional=("rounded",)),
    "QueryResult": fields_of(
        {
            "data": listed(ref("RowObject"), "rows, by the columns' names"),
            "meta": ref("StatementMeta"),
            **_TABLE,
        },
        "Of `query`",
        optional=("rounded",),
    ),
    "RowObject": any_object("A row; the second column of a name `id` is `id:1`"),
    "StatementMeta": fields_of(
        {
            "duration": number("milliseconds"),
            "changes": whole("rows that were changed"),
            "changed_db": yes_or_no("whether any was"),
            "last_row_id": {"type": ["integer", "null"], "description": "of a change"},
            "rows_read": whole("of a change"),
            "rows_written": whole("of a change"),
        },
        "What D1 says of a statement",
        optional=("last_row_id", "rows_read", "rows_written"),
    ),
    "ScrapingResult": fields_of(_PAGE, "The parts that were asked for", tuple(_PARTS)),
    "Heading": fields_of({"level": whole("", 1, 6), "text": _LINE}, "Of a page"),
    "PageLink": fields_of({"url": words(), "text": _LINE, "rel": words()}, "Of a page"),
    "PageMetadata": any_object(
        "`<meta>` of a page by name",
        additionalProperties=_LINE,
        maxProperties=scraping.MAX_METADATA,
    ),
    "CallResult": fields_of(_ANSWERED, optional=("json", "text", "base64")),
    "AnsweredHeaders": any_object(
        "Headers by their names", additionalProperties=either(words(), listed(words()))
    ),
}
ANY_RESULT = anything("what the code assigned to `result`")
_TYPED_OR_ANY = anything(
    "what the code assigned to `result`; for `job_id` and `code`, and for `code` of an activation, "
    "an object with `result`, its `type` as JavaScript names it, and `execution_time_ms`"
)
STDOUT = words("what the code printed, if it was a program")
WARM = yes_or_no("an isolate was ready for it")


def completed(capability: str) -> Schema:
    """The answer to a job of it that went well. Python gives any value."""
    name = INPUTS[capability].replace("Input", "Result")
    python: dict[str, Schema] = {"stdout": STDOUT, "warm": WARM}
    is_python = capability == "python-execution"
    fields = {
        "status": ref("CompletedStatus"),
        "capability": always(capability, "what has done it"),
        "job_id": an_id("of the request, or made up"),
        "result": _TYPED_OR_ANY if is_python else ref(name),
        **(python if is_python else {}),
        "age": whole("seconds; of a result that was kept"),
        "execution_time_ms": number("milliseconds"),
        "completed_at": time("when it was answered"),
    }
    return fields_of(fields, f"Of `{capability}`", optional=("age",))
