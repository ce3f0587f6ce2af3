"""docs/agent-capabilities.md says of models and users' tables what the code does."""

from __future__ import annotations

from agent.core.capabilities import completion, embeddings, models, text
from agent.core.capabilities.sql import database, values
from agent.core.capabilities.sql import statement as sql
from tests.agent.pages import PAGES, cells, section, spaced

TEXT = PAGES["agent-capabilities.md"]
SPACED = spaced(TEXT)


def test_limits_of_models() -> None:
    assert f"up to {completion.MAX_MESSAGES} messages" in SPACED
    assert f"1 to {completion.MAX_TOKENS:,}; default {completion.USUAL_TOKENS:,}." in SPACED
    assert f"at most {completion.MAX_CHARACTERS:,} characters" in SPACED
    assert f"1 to {embeddings.MAX_TEXTS} of up to {embeddings.MAX_TEXT:,} characters" in SPACED
    codes = ", ".join(map(str, models.HOPELESS))
    assert f"({models.ASKED} and more, {codes}) are 422" in SPACED


def test_fields_of_a_completion() -> None:
    told = section("Models")
    assert [name for name in completion.FIELDS if f"`{name}`" not in told] == []


def test_limits_of_tables() -> None:
    for row in (
        f"| `sql` | {sql.MAX_SQL:,} bytes |",
        f"| `params` | {values.MAX_PARAMS} values; {values.MAX_TIMES} lists of them |",
        f"| `max_rows` | {database.MAX_ROWS:,}; default {database.USUAL_ROWS:,} |",
        f"| rows, as JSON | {database.MAX_RESULT:,} characters |",
    ):
        assert row in TEXT
    assert all(word in TEXT for word in (*sql.READING, *sql.CHANGING))


def test_text_processing() -> None:
    told = section("Text processing")
    for operation, fields in text.FIELDS.items():
        row = cells(told, f"`{operation}`" + " (default)" * (operation == "statistics"))
        assert all(f"`{name}`" in row for name in fields if name not in ("text", "operation"))
    kinds = ", ".join(f"`{kind}`" for kind in text.KINDS)
    assert f"some of {kinds}" in told
    assert f"at most {text.MAX_FOUND:,} |" in told
    assert f"the {text.TOP} most frequent words" in told
    assert f"default {text.CHUNK:,} characters" in told
    assert f"has at most {text.MAX_TEXT:,} characters" in spaced(told)
