"""The agent's `ai-completion`, `ai-embeddings` and `database` on the real runtime: the local
stand-in for Workers AI over a service binding, and the real D1. One server for all."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent import config
from agent.local.configs import AI_NAME, AI_SCRIPT, local_config
from router.dev.files import mirror
from router.dev.layout import Layout, find_root
from router.dev.local import write_json
from router.dev.prepare import prepare
from router.dev.server import DevServer
from router.dev.workers import local_settings
from tests.support.edge.router import HERE

LLAMA = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"
GLM = "@cf/zai-org/glm-4.7-flash"
MARK = "[local stand-in]"
ALL = "database:read database:write"


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("agent")
    layout = Layout(find_root(HERE))
    prepare(layout)
    with DevServer(layout) as server:
        server.start(
            configured(folder), port=0, persist_to=folder / "state", log=folder / "wrangler.log"
        )
        server.wait_ready("/health")
        with httpx.Client(base_url=server.url, timeout=60) as client:
            yield client


def configured(folder: Path) -> list[Path]:
    """The canary by itself, so that keys may be anybody's, and the stand-in beside it."""
    mirror(config.upload(), folder / "upload")
    stand_in = {"name": AI_NAME, "main": str(AI_SCRIPT), "compatibility_date": config.DATE}
    paths = [folder / "agent.json", folder / "ai.json"]
    write_json(paths[0], local_settings(local_config(config.variants()["canary"])))
    write_json(paths[1], stand_in)
    return paths


def ask(
    agent: httpx.Client, capability: str, scopes: str = "", code: int = 200, **given: Any
) -> dict[str, Any]:
    """The result, or what is said of the failure."""
    headers = {"x-router-key-id": "ann", "x-router-key-scopes": scopes}
    job = {"capability": capability, "input": given}
    answer = agent.post("/execute", content=json.dumps(job), headers=headers)
    assert answer.status_code == code, answer.text
    told: dict[str, Any] = answer.json()
    return dict(told["result"]) if code == 200 else told


def sql(agent: httpx.Client, text: str, scopes: str = ALL, code: int = 200, **more: Any) -> Any:
    return ask(agent, "database", scopes, code, sql=text, **more)


@pytest.mark.parametrize("model", [LLAMA, GLM])
def test_a_completion_is_the_same_for_the_same_input(agent: httpx.Client, model: str) -> None:
    given = {"prompt": "Say hello", "model": model, "seed": 3}
    first = ask(agent, "ai-completion", **given)
    assert first["model"] == model
    assert first["text"].startswith(f"{MARK} {model} was asked: Say hello /")
    assert first["stand_in"] is True
    usage = first["usage"]
    assert usage["prompt_tokens"] == 2
    assert usage["total_tokens"] == 2 + usage["completion_tokens"]
    assert ask(agent, "ai-completion", **given) == first
    assert ask(agent, "ai-completion", **{**given, "seed": 4})["text"] != first["text"]
    short = ask(agent, "ai-completion", **given, max_tokens=5)
    assert short["usage"]["completion_tokens"] == 5
    assert first["text"].startswith(short["text"])


def test_the_default_model_and_json(agent: httpx.Client) -> None:
    told = ask(
        agent,
        "ai-completion",
        messages=[{"role": "user", "content": "ä€😀"}],
        system="Be brief.",
        response_format={"type": "json_object"},
    )
    assert told["model"] == GLM
    assert "ä€😀" in json.loads(told["text"])["text"]


@pytest.mark.parametrize(
    ("model", "piece"),
    [
        (LLAMA, lambda event: event["response"]),
        (GLM, lambda event: event["choices"][0]["delta"].get("content", "")),
    ],
)
def test_a_completion_is_streamed(agent: httpx.Client, model: str, piece: Any) -> None:
    given = {"prompt": "Say hello", "model": model}
    job = {"capability": "ai-completion", "input": {**given, "stream": True}}
    key = {"x-router-key-id": "ann"}
    with agent.stream("POST", "/execute", json=job, headers=key) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream"
        lines = [line for line in answer.iter_lines() if line]
    *events, last = [line.removeprefix("data: ") for line in lines]
    assert last == "[DONE]"
    whole = ask(agent, "ai-completion", **given)
    assert "".join(piece(json.loads(event)) for event in events) == whole["text"]
    assert json.loads(events[-1])["usage"] == whole["usage"]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("capability", ["ai-completion", "ai-embeddings"])
def test_models_that_there_are_not(agent: httpx.Client, capability: str, streamed: bool) -> None:
    given = {"text": "a"} if capability == "ai-embeddings" else {"prompt": "a", "stream": streamed}
    told = ask(agent, capability, code=422, model="@cf/local/no-such-model", **given)
    assert told["model_code"] == 5007
    assert "No such model @cf/local/no-such-model" in told["error"]


def test_a_model_without_capacity_may_answer_later(agent: httpx.Client) -> None:
    told = ask(agent, "ai-completion", code=503, model="@cf/local/no-capacity", prompt="a")
    assert told["model_code"] == 3040


def test_embeddings_of_similar_texts_are_near(agent: httpx.Client) -> None:
    texts = ["The cat sat on the mat", "A cat sat on a mat.", "Quarterly revenue grew by 8%"]
    told = ask(agent, "ai-embeddings", text=texts)
    assert (told["model"], told["shape"], told["stand_in"]) == ("@cf/baai/bge-m3", [3, 1024], True)
    first, second, third = told["data"]
    near, far = (sum(a * b for a, b in zip(first, each, strict=True)) for each in (second, third))
    assert math.isclose(math.hypot(*first), 1)
    assert near > far + 0.3
    small = ask(agent, "ai-embeddings", text=texts[0], model="@cf/baai/bge-small-en-v1.5")
    assert small["shape"] == [1, 384]


def test_tables_are_made_filled_read_and_dropped(agent: httpx.Client) -> None:
    sql(agent, "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, picture BLOB)")
    given = [["Ann", {"base64": "AAH/"}], ["Bob'; DROP TABLE people; --", None]]
    made = sql(agent, "INSERT INTO people (name, picture) VALUES (?, ?)", params=given)
    assert (made["changes"], made["rows"], made["truncated"]) == (2, [], False)
    found = sql(agent, "SELECT * FROM people WHERE id >= ?1 ORDER BY id;", params=[1])
    assert found["columns"] == ["id", "name", "picture"]
    assert found["rows"] == [[1, "Ann", {"base64": "AAH/"}], [2, given[1][0], None]]
    assert (found["row_count"], found["changes"], found["truncated"]) == (2, 0, False)
    assert found["took_ms"] >= 0
    one = sql(agent, "SELECT id, id FROM people ORDER BY id DESC", max_rows=1)
    assert (one["rows"], one["truncated"], len(one["columns"])) == ([[2, 2]], True, 2)
    gone = sql(agent, "DELETE FROM people WHERE id = 1 RETURNING name")
    assert (gone["rows"], gone["columns"], gone["changes"]) == ([["Ann"]], ["name"], 1)
    none = sql(agent, "SELECT name FROM people WHERE id = 9")
    assert (none["columns"], none["rows"]) == (["name"], [])
    sql(agent, "DROP TABLE people")


def test_a_key_that_may_read_reads_and_no_more(agent: httpx.Client) -> None:
    sql(agent, "CREATE TABLE kept (a INTEGER)")
    sql(agent, "INSERT INTO kept VALUES (?)", params=[[1], [2]])
    sql(agent, "CREATE VIRTUAL TABLE words USING fts5(text)")
    for text, rows in (
        ("SELECT a FROM kept WHERE a < ? ORDER BY a", [[1]]),
        ("WITH c AS (SELECT max(a) FROM kept) SELECT * FROM c", [[2]]),
        ("SELECT text FROM words WHERE words MATCH 'x'", []),
        ("SELECT ? FROM pragma_table_info('kept')", [[2]]),
    ):
        params = [2] if "?" in text else []
        assert sql(agent, text, "database:read", params=params)["rows"] == rows
    for text in (
        "DELETE FROM kept",
        "WITH c AS (SELECT 1) DELETE FROM kept RETURNING a",
        "INSERT INTO kept VALUES (3) RETURNING a",
    ):
        told = sql(agent, text, "database:read", 422)
        assert told["scope"] == "database:write"
    for text in ("EXPLAIN SELECT 1; DELETE FROM kept", "SELECT 1; DELETE FROM kept"):
        assert "more than one statement" in sql(agent, text, ALL, 422)["error"]
    assert sql(agent, "SELECT a FROM kept", "database:write", 422)["scope"] == "database:read"
    assert sql(agent, "SELECT count(*) FROM kept", "database:read")["rows"] == [[2]]


def test_a_batch_is_done_whole_or_not_at_all(agent: httpx.Client) -> None:
    sql(agent, "CREATE TABLE odd (a INTEGER CHECK (a % 2))")
    told = sql(agent, "INSERT INTO odd VALUES (?)", params=[[1], [2]], code=422)
    assert "CHECK constraint failed" in told["error"]
    assert sql(agent, "SELECT * FROM odd")["rows"] == []


def test_values_that_json_cannot_hold_are_told(agent: httpx.Client) -> None:
    told = sql(agent, "SELECT 9007199254740993 AS large, 1.5 AS exact, 1e300 AS real, x'00' AS b")
    assert told["rounded"] == ["large"]
    assert told["rows"][0][1:] == [1.5, 1e300, {"base64": "AA=="}]
    text = sql(agent, "SELECT CAST(9007199254740993 AS TEXT)")
    assert (text["rows"], "rounded" in text) == ([["9007199254740993"]], False)


def test_results_end_where_they_get_too_large(agent: httpx.Client) -> None:
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 30)"
    told = sql(agent, f"{numbers} SELECT i, hex(zeroblob(50000)) FROM n")
    assert told["truncated"] is True
    assert 15 <= told["row_count"] < 30


@pytest.mark.parametrize(
    ("text", "params", "message"),
    [
        ("SELECT * FROM nobody", [], "the database refuses this: no such table: nobody"),
        ("SELECT 1 FROM", [], "syntax error"),
        ("SELECT ?, ?", [1], "Wrong number of parameter bindings"),
        ("SELECT * FROM pragma_database_list", [], "not authorized"),
    ],
)
@pytest.mark.parametrize("scopes", [ALL, "database:read"])
def test_mistakes(
    agent: httpx.Client, text: str, params: list[Any], message: str, scopes: str
) -> None:
    told = sql(agent, text, scopes, 422, params=params)
    assert message in told["error"]
    assert "SQLITE_" not in told["error"]
