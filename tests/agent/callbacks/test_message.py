"""The request: its body, its headers, its id."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import PRODUCT
from agent.callbacks.callback import JobEnd
from agent.callbacks.message import message_id, request
from agent.callbacks.signing import Signer
from agent.queue.job import JobKey
from tests.agent.callbacks.making import DONE, NOW, SECRET, URL, due
from tests.support.examples import examples

TOLD = {
    "activation_id": "a-1",
    "status": "completed",
    "worker_id": "cf-eu-1",
    "attempt": 2,
    "completed_at": "2026-09-21T14:13:20.000+00:00",
}


def body(outcome: JobEnd) -> Any:
    return json.loads(request(due(outcome), URL, Signer(), NOW).body)


def test_headers_and_body() -> None:
    made = request(due(), f"{URL}?checked", Signer.of(SECRET), NOW)
    assert made.url == f"{URL}?checked"
    assert json.loads(made.body) == {**TOLD, "result": {"sum": 4}}
    agent, signature = made.headers.pop("user-agent"), made.headers.pop("webhook-signature")
    assert agent.startswith(f"{PRODUCT}/")
    assert signature.count("v1,") == 2
    assert made.headers == {
        "content-type": "application/json",
        "webhook-id": message_id(due()),
        "webhook-timestamp": "1790000000",
    }
    assert "webhook-signature" not in request(due(), URL, Signer(), NOW).headers


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (DONE._replace(state="failed", error="no luck", result=None), {"error": "no luck"}),
        (DONE._replace(state="failed", error=None), {"error": "the job failed"}),
        (DONE._replace(state="cancelled", result=None), {"error": "the job was cancelled"}),
        (DONE._replace(result='{"result":[1.50e300],"stdout":"a"}'), None),
        (DONE._replace(result='{"result":9007199254740993.10}'), None),
    ],
)
def test_outcomes(outcome: JobEnd, expected: dict[str, Any] | None) -> None:
    told = body(outcome)
    if expected is None:  # as it was written
        assert str(outcome.result)[1:] in request(due(outcome), URL, Signer(), NOW).body
        expected = json.loads(str(outcome.result))
    assert told == {**TOLD, "status": outcome.state, **expected}


@pytest.mark.parametrize(
    "text",
    [
        "4",
        "{}",
        "[" * 9_999,
        '{"result": ' + "[" * 200 + "]" * 200 + "}",
        '{"result": NaN}',
        '{"result": -Infinity}',
        '{"result": 1e400}',
        '{"result": 1, "status": "failed"}',
        '{"result": 1, "\\u0073tatus": "failed"}',
        '1, "status": "failed"',
        '{"result": 1}, "status": "failed", "x": {"y": 1}',
        "",
    ],
    ids=lambda text: text[:30],
)
def test_what_is_no_outcome_is_told_as_text(text: str) -> None:
    assert body(DONE._replace(result=text)) == {**TOLD, "result": text}


@examples(100)
@given(st.lists(st.sampled_from(['"status"', '"result"', "1", *'{}[]":, '])).map("".join))
def test_no_result_makes_another_message(text: str) -> None:
    for result in (text, f'{{"result": 1{text}}}', f'{{"result": {text}}}'):
        told = body(DONE._replace(result=result))
        assert {name: told[name] for name in TOLD} == TOLD
        assert "result" in told


def test_ids() -> None:
    same = due(attempt=5)._replace(ticket="another", url="https://moved.example/")
    assert message_id(same) == message_id(due())
    others = [
        due(id="a-2"),
        due()._replace(key=JobKey("acme-", "a-1")),
        due(DONE._replace(ended_ms=DONE.ended_ms + 1)),
        due(DONE._replace(state="cancelled")),
    ]
    assert len({message_id(each) for each in (due(), *others)}) == 5
    assert "." not in message_id(due(id="a.1"))
