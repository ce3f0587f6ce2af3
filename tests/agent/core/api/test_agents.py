"""`/agents`: what agents are."""

from __future__ import annotations

from typing import Any

import pytest

from agent.agents.definition import MAX_CODE
from agent.core.capabilities.execution import CAPABILITIES
from agent.sandbox.execute import Error, Outcome
from tests.agent.core.making import World
from tests.agent.core.rows import put

CODE = {"code": "async def run_agent(input_data, fiber):\n    return 1"}
CHAT = {"capability": "ai-completion", "settings": {"temperature": 0.5, "max_tokens": 10.0}}
SPAN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333{}-01"


def test_put_show_and_delete() -> None:
    world = World()
    status, told, headers = world.ask("PUT", "/agents/a", CODE, scopes="agents:write")
    assert (status, headers["etag"], told["is_new_version"]) == (200, '"1"', True)
    assert (told["version"], told["capability"]) == (1, "python-execution")
    assert put(world, "a", CODE)[1] == {**told, "is_new_version": False}
    shown = world.ask("GET", "/agents/a")
    assert (shown[1]["code"], shown[2]["etag"], "needs" in shown[1]) == (CODE["code"], '"1"', False)
    assert put(world, "a", CHAT)[1]["version"] == 2
    told = world.ask("GET", "/agents/a")[1]
    assert told["settings"] == {"temperature": 0.5, "max_tokens": 10}
    assert world.ask("GET", "/agents/a?version=1")[1] == shown[1]
    deleted = world.ask("DELETE", "/agents/a", scopes="agents:write")[1]
    assert (deleted["id"], deleted["version"]) == ("a", 3)
    gone = world.ask("GET", "/agents/a")
    assert (gone[0], "version 2 was the last one" in gone[1]["error"]) == (404, True)
    assert world.ask("DELETE", "/agents/a", scopes="agents:write")[0] == 404
    assert world.ask("GET", "/agents/a?version=2")[0] == 200
    assert world.ask("GET", "/agents/a?version=9")[0] == 404
    status, told, _ = world.ask("GET", "/agents/a?vers=2")
    assert (status, "did you mean `version`?" in told["error"]) == (400, True)


def test_changes_need_a_scope() -> None:
    world = World()
    for method, body in (("PUT", CHAT), ("DELETE", None)):
        status, told, _ = world.ask(method, "/agents/a", body, scopes="agents")
        assert (status, "scope `agents:write`" in told["error"]) == (403, True)
    assert world.ask("GET", "/agents")[1]["agents"] == []
    assert world.ask("GET", "/agents", key=None)[0] == 401


def test_a_version_that_somebody_else_has_replaced() -> None:
    world = World()
    put(world, "a", CODE)
    assert put(world, "a", CHAT, **{"if-match": '"1"'})[0] == 200
    status, told = put(world, "a", CODE, **{"if-match": '"1"'})
    assert (status, "says version 1, and it is version 2" in told["error"]) == (412, True)
    assert put(world, "b", CODE, **{"if-match": '"1"'})[0] == 412
    assert put(world, "a", CODE, **{"if-match": "1"})[0] == 400
    how: Any = {"scopes": "agents:write", "if-match": 'W/"1"'}
    assert world.ask("DELETE", "/agents/a", **how)[0] == 412


def test_a_request_that_the_router_repeats_makes_one_version() -> None:
    world = World()
    for _ in range(2):
        assert put(world, "a", CODE, traceparent=SPAN.format(1))[1]["version"] == 1
        assert put(world, "a", CHAT, traceparent=SPAN.format(2))[1]["version"] == 2
    how: Any = {"scopes": "agents:write", "traceparent": SPAN.format(3)}
    assert [world.ask("DELETE", "/agents/a", **how)[0] for _ in range(2)] == [200, 200]


def test_they_are_listed_page_by_page() -> None:
    world = World()
    for id in "cab":
        put(world, id, CODE)
    first = world.ask("GET", "/agents?limit=2")[1]
    assert [each["id"] for each in first["agents"]] == ["a", "b"]
    second = world.ask("GET", f"/agents?limit=2&after={first['next_after']}")[1]
    assert ([each["id"] for each in second["agents"]], "next_after" in second) == (["c"], False)
    assert world.ask("GET", "/agents?limit=0")[0] == 400
    assert world.ask("GET", "/agents?after=.")[0] == 400
    assert world.ask("GET", "/agents?after=")[0] == 400
    assert world.ask("GET", "/agents/a?version=1000000000")[0] == 400


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "an agent is a `capability` or `code`"),
        ({**CODE, **CHAT}, "an agent is a `capability` or `code`"),
        ({**CODE, "settings": {}}, "`settings` are for a `capability`"),
        ({"cod": ""}, "did you mean `code`?"),
        ({"capability": 5}, "`capability` is text"),
        ({"capability": "ai-completions"}, "did you mean `ai-completion`?"),
        ({"capability": "ai-completion", "settings": []}, "`settings` is an object"),
        ({"capability": "ai-completion", "settings": {"modle": "x"}},
         "did you mean `settings.model`?"),
        ({"capability": "text-processing", "settings": {"model": "x"}},
         "`text-processing` has no settings"),
        ({"capability": "ai-embeddings", "settings": {"temperature": 1}},
         "no field `settings.temperature`; known: model"),
        ({"capability": "ai-completion", "settings": {"model": "gpt-4"}}, "`settings.model` is"),
        ({"capability": "ai-completion", "settings": {"system_prompt": ""}},
         "`settings.system_prompt` is text of 1 to 50,000"),
        ({"capability": "ai-completion", "settings": {"temperature": True}},
         "`settings.temperature` is a number from 0 to 5"),
        ({"capability": "ai-completion", "settings": {"max_tokens": 1.5}},
         "`settings.max_tokens` is a whole number from 1 to 16,384"),
        ({"code": ""}, "`code` is text"),
        ({"code": "x = 1\ndef run_agnet(a): pass"}, "`code`, line 2: there is no function"),
        ({"code": "def run_agent(a):\n  return ("}, "`code`, line 2: SyntaxError"),
    ],
)  # fmt: skip
def test_what_is_no_agent(body: dict[str, Any], said: str) -> None:
    world = World()
    status, told = put(world, "a", body)
    assert (status, said in told["error"]) == (400, True), told
    if "line 2" in said:
        assert told["line"] == 2
    assert world.ask("GET", "/agents/a")[0] == 404


def test_every_capability_can_be_an_agent() -> None:
    for name in CAPABILITIES:
        assert put(World(), "a", {"capability": name})[1]["settings"] == {}


def test_code_that_is_too_large() -> None:
    code = CODE["code"] + "\n# " + "é" * (MAX_CODE // 2)
    status, told = put(World(), "a", {"code": code})
    assert (status, "bytes, and 262,144 are allowed" in told["error"]) == (413, True)


@pytest.mark.parametrize(("kind", "status"), [("unavailable", 503), ("crashed", 400)])
def test_code_that_the_sandbox_does_not_check(
    kind: Any, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = Outcome(None, Error(kind, "no luck"), "", 1.0, False)
    monkeypatch.setattr(World, "run", lambda *_: failed)
    assert put(World(), "a", CODE)[0] == status


def test_ids() -> None:
    world = World()
    assert put(world, "a%3Ab", CODE)[1]["id"] == "a:b"
    for id in (".", "a%2Fb", "%C3%A4", "a" * 129):
        assert put(world, id, CODE)[0] == 404
