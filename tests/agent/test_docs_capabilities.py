"""docs/agent.md says of models and users' tables what the code does."""

from __future__ import annotations

from pathlib import Path

from agent.core.capabilities import completion, database, embeddings, models, sql, values

TEXT = (Path(__file__).parents[2] / "docs" / "agent.md").read_text("utf-8")
SPACED = " ".join(TEXT.split())


def test_limits_of_models() -> None:
    assert f"up to {completion.MAX_MESSAGES} messages" in SPACED
    assert f"1 to {completion.MAX_TOKENS:,}; {completion.USUAL_TOKENS:,} unless" in SPACED
    assert f"at most {completion.MAX_CHARACTERS:,} characters" in SPACED
    assert f"1 to {embeddings.MAX_TEXTS} of up to {embeddings.MAX_TEXT:,} characters" in SPACED
    codes = ", ".join(map(str, models.HOPELESS))
    assert f"({models.ASKED} and more, {codes}) are 422" in SPACED


def test_fields_of_a_completion() -> None:
    section = TEXT.partition("\n## Models")[2].partition("\n## ")[0]
    assert [name for name in completion.FIELDS if f"`{name}`" not in section] == []


def test_limits_of_tables() -> None:
    for row in (
        f"| `sql` | {sql.MAX_SQL:,} bytes |",
        f"| `params` | {values.MAX_PARAMS} values; {values.MAX_TIMES} lists of them |",
        f"| `max_rows` | {database.MAX_ROWS:,}; {database.USUAL_ROWS:,} unless it is said |",
        f"| rows, as JSON | {database.MAX_RESULT:,} characters |",
    ):
        assert row in TEXT
    assert all(word in TEXT for word in (*sql.READING, *sql.CHANGING))
