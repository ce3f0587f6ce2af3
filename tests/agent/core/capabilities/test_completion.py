"""What is asked of a model, what comes of its answers, and whose fault it is if none comes."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from hypothesis import given as examples_of
from hypothesis import strategies as st

from agent.core.capabilities.completion import (
    MAX_CHARACTERS,
    MAX_MESSAGES,
    USUAL_TOKENS,
    complete,
    is_repeatable,
    read_answer,
)
from agent.core.capabilities.embeddings import MAX_TEXT, MAX_TEXTS, embed
from agent.core.capabilities.models import ModelError
from agent.core.capabilities.results import Stream
from agent.core.refused import Refused, Unavailable
from tests.support.examples import examples

TEXT, VECTORS = "@cf/a/text", "@cf/a/vectors"
USER = {"role": "user", "content": "hello"}
CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


class FakeAi:
    """Gives or raises `answer`, and keeps what it was asked."""

    text_model, embedding_model = TEXT, VECTORS

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: tuple[str, dict[str, Any]] | None = None

    def run(self, model: str, inputs: dict[str, Any]) -> Any:
        self.asked = model, inputs
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Tools(NamedTuple):
    ai: FakeAi


def asked(**given: Any) -> dict[str, Any]:
    """The inputs that the model gets."""
    ai = FakeAi({"response": "yes"})
    complete(given, Tools(ai))
    assert ai.asked
    assert ai.asked[0] == TEXT
    return ai.asked[1]


def test_a_prompt_is_a_conversation() -> None:
    assert asked(prompt="hello") == {"messages": [USER], "max_tokens": USUAL_TOKENS}
    system = {"role": "system", "content": "Be brief."}
    assert asked(prompt="hello", system="Be brief.")["messages"] == [system, USER]
    assert asked(messages=[USER, USER], system="Be brief.")["messages"] == [system, USER, USER]


def test_settings_are_passed_on() -> None:
    given = {
        "temperature": 0.5,
        "top_p": 1,
        "top_k": 3,
        "seed": 7,
        "max_tokens": 9,
        "frequency_penalty": -2,
        "presence_penalty": 2,
        "response_format": {"type": "text"},
        "tools": [{"type": "function"}],
        "stop": ["."],
    }
    assert asked(prompt="hello", **given) == {"messages": [USER], **given}
    assert asked(prompt="hello", stop=".")["stop"] == ["."]
    assert "stream" not in asked(prompt="hello", stream=False)
    assert asked(prompt="hello", stream=True)["stream"] is True


def test_conversations_with_tools() -> None:
    messages = [
        USER,
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "content": "4", "tool_call_id": "1"},
    ]
    assert asked(messages=messages)["messages"] == messages


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "either `prompt` or `messages`"),
        ({"prompt": "a", "messages": [USER]}, "not both"),
        ({"prompt": ""}, "`prompt` is text, and not empty"),
        ({"prompt": 1}, "`prompt` is text"),
        ({"prompt": "a", "system": []}, "`system` is text"),
        ({"messages": []}, "`messages` is a list of 1 to 200"),
        ({"messages": [USER] * (MAX_MESSAGES + 1)}, "`messages` is a list of 1 to 200"),
        ({"messages": [USER, "x"]}, "`messages[1]` is an object with a `role`"),
        ({"messages": [{"role": "root", "content": "a"}]}, "system, user, assistant, tool"),
        ({"messages": [{"role": ["user"], "content": "a"}]}, "system, user, assistant, tool"),
        ({"messages": [{"role": "user"}]}, "`messages[0].content` is text"),
        ({"messages": [{"role": "user", "tool_calls": [CALL]}]}, "`messages[0].content` is text"),
        ({"messages": [{**USER, "extra": 1}]}, "`messages[0]` has a field `extra`"),
        ({"prompt": "a", "model": "gpt"}, f"`model` is the name of a model, such as {TEXT}"),
        ({"prompt": "a", "model": "@cf/a/b/../../c"}, "`model` is the name"),
        ({"prompt": "a", "model": None}, "`model` is the name"),
        ({"prompt": "a", "max_tokens": 0}, "`max_tokens` is a whole number from 1 to 16,384"),
        ({"prompt": "a", "max_tokens": True}, "`max_tokens` is a whole number"),
        ({"prompt": "a", "max_tokens": 1.5}, "`max_tokens` is a whole number"),
        ({"prompt": "a", "temperature": float("nan")}, "`temperature` is a number from 0 to 5"),
        ({"prompt": "a", "temperature": "hot"}, "`temperature` is a number"),
        ({"prompt": "a", "stream": 1}, "`stream` is true or false"),
        ({"prompt": "a", "tools": {}}, "`tools` is a list"),
        ({"prompt": "a", "response_format": "json"}, "`response_format` is an object"),
        ({"prompt": "a", "response_format": {"x": float("nan")}}, "NaN"),
        ({"prompt": "a", "stop": []}, "`stop` is up to 4 texts"),
        ({"prompt": "a", "stop": ["a", ""]}, "`stop` is up to 4 texts"),
        ({"prompt": "a" * MAX_CHARACTERS}, "400,000 are allowed"),
        ({"prompt": "a", "gateway": {}}, "there is no field `gateway`"),
    ],
)
def test_what_is_refused(given: dict[str, Any], why: str) -> None:
    ai = FakeAi({"response": "yes"})
    with pytest.raises(Refused) as refused:
        complete(given, Tools(ai))
    assert why in str(refused.value)
    assert ai.asked is None


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"response": "yes", "usage": {"total_tokens": 3}}, {"usage": {"total_tokens": 3}}),
        ("yes", {}),
        ({"response": "yes", "tool_calls": []}, {}),
        ({"response": "yes", "stand_in": True}, {"stand_in": True}),
        (
            {"choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}]},
            {"finish_reason": "stop"},
        ),
        ({"choices": [{"text": "yes"}]}, {}),
    ],
)
def test_the_text_of_an_answer(answer: Any, expected: dict[str, Any]) -> None:
    assert read_answer(answer) == {"text": "yes", **expected}


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ({"response": {"a": "ä"}}, '{"a": "ä"}'),
        ({"response": None, "tool_calls": [CALL]}, ""),
        ({"choices": [{"message": {"content": None, "tool_calls": [CALL]}}]}, ""),
        *(({"choices": odd}, "") for odd in ([], [1], None, "x", [{"message": []}])),
        (None, ""),
        ([1], "[1]"),
    ],
)
def test_answers_of_other_forms(answer: Any, text: str) -> None:
    told = read_answer(answer)
    assert told["text"] == text
    assert ("tool_calls" in told) == ("tool_calls" in repr(answer))


@examples_of(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=3),
        lambda each: (
            st.lists(each, max_size=2)
            | st.dictionaries(
                st.sampled_from(["response", "choices", "message", "content", "text", "usage"]),
                each,
            )
        ),
        max_leaves=8,
    )
)
@examples(100)
def test_any_answer_is_read(answer: Any) -> None:
    assert isinstance(read_answer(answer)["text"], str)


def test_a_stream_that_nobody_asked_for_is_no_text() -> None:
    with pytest.raises(Refused, match="gives no text"):
        complete({"prompt": "a"}, Tools(FakeAi(Stream(object()))))


def test_a_stream_is_passed_on() -> None:
    stream = Stream(object())
    assert complete({"prompt": "a", "stream": True}, Tools(FakeAi(stream))) is stream


@pytest.mark.parametrize(
    ("message", "failure"),
    [
        ("5007: No such model @cf/a/b or task", Refused),
        ("InferenceUpstreamError: 5007: No such model @cf/a/b or task", Refused),
        ("5006: Error: required properties at '/' are 'text'", Refused),
        ("3042: Invalid model ID", Refused),
        ("3006: Request is too large", Refused),
        ("3040: No more data centers to forward the request to", Unavailable),
        ("3036: You have used up your daily free allocation of 10,000 neurons.", Unavailable),
        ("3007: Request timeout", Unavailable),
        ("1031: something new", Unavailable),
        ("no answer within 60000 ms", Unavailable),
        ("Network connection lost.", Unavailable),
        ("", Unavailable),
    ],
)
def test_whose_fault_it_is(message: str, failure: type[Refused | Unavailable]) -> None:
    for run, given in ((complete, {"prompt": "a"}), (embed, {"text": "a"})):
        with pytest.raises(failure) as failed:
            run(given, Tools(FakeAi(ModelError(message))))
        assert message in str(failed.value)
        code = message.partition(": No")[0][-4:]
        assert not code.isdigit() or failed.value.more == {"model_code": int(code)}


@pytest.mark.parametrize(
    ("given", "repeatable"),
    [({}, False), ({"seed": 1}, True), ({"temperature": 0}, True), ({"temperature": 1}, False)],
)
def test_what_may_be_kept(given: dict[str, Any], repeatable: bool) -> None:
    assert is_repeatable(given) is repeatable
    assert is_repeatable({**given, "stream": False}) is repeatable
    assert not is_repeatable({**given, "stream": True})


def test_embeddings() -> None:
    ai = FakeAi({"shape": [1, 2], "data": [[0.6, 0.8]], "pooling": "cls", "noise": 1})
    told = embed({"text": "a", "pooling": "cls"}, Tools(ai))
    assert ai.asked == (VECTORS, {"text": ["a"], "pooling": "cls"})
    vector = {"dimensions": 2, "embeddings": [0.6, 0.8]}
    assert told == {
        "model": VECTORS,
        "provider": "cloudflare-ai",
        "shape": [1, 2],
        "data": [[0.6, 0.8]],
        "pooling": "cls",
        **vector,
    }
    assert embed({"text": ["a", "b"], "model": TEXT}, Tools(ai))["model"] == TEXT


def test_embeddings_of_a_list_stand_in_data_alone() -> None:
    """They may be large, and a result is not to have them twice."""
    told = embed({"text": ["a", "b"]}, Tools(FakeAi({"data": [[1, 0, 0], [0, 1, 0]]})))
    assert (told["dimensions"], "embeddings" in told) == (3, False)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "`text` is missing"),
        ({"text": []}, "a list of 1 to 100 texts"),
        ({"text": ["a"] * (MAX_TEXTS + 1)}, "a list of 1 to 100 texts"),
        ({"text": ["a", " "]}, "`text[1]` is missing, empty or not text"),
        ({"text": ["a", 1]}, "`text[1]` is missing"),
        ({"text": "a" * (MAX_TEXT + 1)}, "40,000 are allowed; `text-processing` makes chunks"),
        ({"text": "a", "pooling": "max"}, "`pooling` is mean or cls"),
        ({"text": "a", "model": 1}, "`model` is the name"),
        ({"text": "a", "query": 1}, "there is no field `query`"),
    ],
)
def test_embeddings_that_are_refused(given: dict[str, Any], why: str) -> None:
    ai = FakeAi({"shape": [1, 1], "data": [[1]]})
    with pytest.raises(Refused) as refused:
        embed(given, Tools(ai))
    assert why in str(refused.value)
    assert ai.asked is None


@pytest.mark.parametrize("answer", [{"response": "yes"}, None, Stream(None), {"data": 1}])
def test_models_that_give_no_embeddings(answer: Any) -> None:
    with pytest.raises(Refused, match="gives no embeddings"):
        embed({"text": "a"}, Tools(FakeAi(answer)))
