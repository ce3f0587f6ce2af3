"""What is logged in development: enough to see what happens, and never a secret."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.http.debug_log import MAX_BODY, answer_event, body_text, request_event
from tests.support.examples import examples


def request_line(*asked: Any) -> str:
    return json.dumps(request_event(*asked))


def answer_line(*asked: Any) -> str:
    return json.dumps(answer_event(*asked))


SECRET = "s3cr3t-Zq"
NAMES = ["Authorization", "cookie", "x-api-key", "my_TOKEN", "clientSecret", "X-Signature", "pwd"]
ORDINARY = st.text('abcdefgh -_{}[]":,=é😀', max_size=12)
PLAIN = st.recursive(
    st.none() | st.integers() | ORDINARY,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ORDINARY, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def hiding(draw: st.DrawFn) -> Any:
    """JSON that has the secret somewhere, under a name that says so, perhaps as text in text."""
    kept: Any = SECRET + draw(ORDINARY)
    for _ in range(draw(st.integers(0, 2))):
        kept = draw(st.sampled_from([[kept], {"x": kept}, [1, kept, None]]))
    value: Any = {**draw(st.dictionaries(ORDINARY, PLAIN, max_size=2))}
    value[draw(st.sampled_from(NAMES)) + draw(st.sampled_from(["", "-2", "s"]))] = kept
    for _ in range(draw(st.integers(0, 5))):
        other = draw(PLAIN)
        value = draw(st.sampled_from([[other, value], {"payload": value}, json.dumps(value)]))
    return value


@examples(100)
@given(hiding())
def test_no_secret_of_a_body_shows(value: Any) -> None:
    text = json.dumps(value)
    line = request_line("POST", "/execute", {}, {}, text)
    assert SECRET not in line + answer_line(200, {}, text, 1.0)
    assert SECRET not in request_line("POST", "/execute", {}, {}, text[:-1])  # no JSON
    assert SECRET not in request_line("POST", "/", {"q": text}, {"x-more": text}, None)
    assert "\n" not in line


@pytest.mark.parametrize("name", NAMES)
def test_no_secret_of_a_header_or_parameter_shows(name: str) -> None:
    line = request_line("GET", "/", {name: SECRET, "n": "1"}, {name: SECRET, "accept": "a/b"}, None)
    assert SECRET not in line
    told = json.loads(line)
    assert (told["query"]["n"], told["headers"]["accept"]) == ("1", "a/b")
    assert SECRET not in answer_line(200, {"set-" + name: SECRET}, "", 1.0)


@pytest.mark.parametrize(
    "text",
    [
        f"Bearer {SECRET}",
        f"Authorization: Bearer {SECRET}",
        f"authorization=basic  {SECRET}",
        f"https://example.com/?a=1&access_token={SECRET}&b=2",
        f"https://ann:{SECRET}@example.com/",
        f"https://{SECRET}@example.com/",
        f"password = 'two {SECRET} words'",
        f'{{"api_key": "two {SECRET} words", "cut',
        f"sig={SECRET}; Auth: {SECRET}",
        f"TOKEN={SECRET}",
        f'said {{\\"token\\": \\"{SECRET}\\"}} and left',
    ],
)
def test_no_secret_in_the_middle_of_text_shows(text: str) -> None:
    line = request_line("GET", text, {"q": text}, {"referer": text}, json.dumps({"text": text}))
    assert SECRET not in line


def test_what_is_ordinary_is_told() -> None:
    body = json.dumps({"capability": "text-processing", "input": {"text": "https://a.b/c?d=e"}})
    line = request_line("POST", "/execute", {}, {"content-type": "application/json"}, body)
    told = json.loads(line)
    assert json.loads(told["body"]) == json.loads(body)
    assert told["path"] == "/execute"
    answer = json.loads(answer_line(200, {"x-cache": "HIT"}, '{"status":"completed"}', 1.23456))
    assert (answer["took_ms"], answer["headers"]) == (1.235, {"x-cache": "HIT"})


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (None, None),
        ("", ""),
        ("token=abc", "[no JSON: 9 characters]"),
        ("[" * 100_000, "[no JSON: 100,000 characters]"),
        ('{"a": "' + "x" * 5_000 + '"}', '{"a": "' + "x" * (MAX_BODY - 7)),
        (json.dumps({"t": "[" * 90 + "]" * 90}), None),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_bodies(body: str | None, told: str | None) -> None:
    text = body_text(body)
    assert text == told or (told is None and text)


@pytest.mark.parametrize("text", ["key", "key ", "key=", "://", "bearer ", "[", '\\"'])
def test_no_text_takes_long(text: str) -> None:
    assert len(body_text(json.dumps([text * 100_000])) or "") <= MAX_BODY


def test_a_stream_is_not_looked_into() -> None:
    assert json.loads(answer_line(200, {}, object(), 1.0))["body"] == "[a stream]"
