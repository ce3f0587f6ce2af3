"""The capability `ai-completion`: a model continues a prompt or a conversation.

`{"prompt": …} | {"messages": [{"role": …, "content": …}]}`, perhaps with `system`, `model`,
`stream` and what models take. A prompt is sent as a conversation of one message, which all
models accept. Their answers have several forms: the text is taken from each, with the other useful
fields.
"""

from __future__ import annotations

import json

from agent.core.capabilities.models import PROVIDER, AiTools, model_of, run_model
from agent.core.capabilities.results import Stream
from agent.core.fields import check_known, whole
from agent.core.refused import Refused

MAX_MESSAGES = 200
MAX_CHARACTERS = 400_000  # of all messages, tools and the format of the answer
MAX_TOKENS, USUAL_TOKENS = 16_384, 1_024
MAX_STOPS, MAX_STOP = 4, 100
ROLES = ("system", "user", "assistant", "tool")
OF_MESSAGE = ("role", "content", "name", "tool_calls", "tool_call_id")
# Numbers that models take, from and to.
RANGES: dict[str, tuple[float, float]] = {
    "temperature": (0, 5),
    "top_p": (0.001, 1),
    "frequency_penalty": (-2, 2),
    "presence_penalty": (-2, 2),
}
WHOLE = {"max_tokens": (1, MAX_TOKENS), "top_k": (1, 50), "seed": (1, 9_999_999_999)}
OTHERS = {"response_format": dict, "tools": list, "stream": bool}
FIELDS = ("prompt", "messages", "system", "model", "stop", *RANGES, *WHOLE, *OTHERS)


def complete(given: dict[str, object], tools: AiTools) -> dict[str, object] | Stream:
    """Raises `Refused` or `Unavailable`."""
    check_known(given, FIELDS)
    inputs = {"messages": _messages(given), "max_tokens": USUAL_TOKENS, **_settings(given)}
    sent = {name: value for name, value in inputs.items() if value is not False}
    try:
        size = len(json.dumps(sent, ensure_ascii=False, allow_nan=False))
    except ValueError as error:
        raise Refused("NaN and Infinity are no JSON") from error
    if size > MAX_CHARACTERS:
        raise Refused(f"this is {size:,} characters of input, and {MAX_CHARACTERS:,} are allowed")
    model = model_of(given, tools.ai.text_model)
    answer = run_model(tools.ai, model, sent)
    if not isinstance(answer, Stream):
        return {"model": model, "provider": PROVIDER, **read_answer(answer)}
    if "stream" not in sent:  # an image, or sound
        raise Refused(f"{model} gives no text; name a model that does")
    return answer


def is_repeatable(given: dict[str, object]) -> bool:
    """Whether the same input gives the same answer, near enough to keep it."""
    return given.get("stream") is not True and ("seed" in given or given.get("temperature") == 0)


def read_answer(answer: object) -> dict[str, object]:
    """`text`, and `usage`, `finish_reason`, `tool_calls` and `stand_in` if they are there."""
    whole = answer if isinstance(answer, dict) else {"response": answer}
    choices = whole.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else {}
    choice = choice if isinstance(choice, dict) else {}
    message = choice.get("message")
    reply = message if isinstance(message, dict) else {}
    found = [whole.get("response"), reply.get("content"), choice.get("text")]
    text = next((content for content in found if content is not None), "")
    details = {
        "usage": whole.get("usage"),
        "finish_reason": choice.get("finish_reason"),
        "tool_calls": whole.get("tool_calls") or reply.get("tool_calls"),
        "stand_in": whole.get("stand_in"),
    }
    return {
        "text": text if isinstance(text, str) else json.dumps(text, ensure_ascii=False),
        **{name: value for name, value in details.items() if value},
    }


def _messages(given: dict[str, object]) -> list[dict[str, object]]:
    prompt, messages = given.get("prompt"), given.get("messages")
    if (prompt is None) == (messages is None):
        raise Refused("either `prompt` or `messages` is needed, and not both")
    if messages is None:
        messages = [{"role": "user", "content": _text(prompt, "prompt")}]
    if not isinstance(messages, list) or not 1 <= len(messages) <= MAX_MESSAGES:
        raise Refused(f"`messages` is a list of 1 to {MAX_MESSAGES} messages")
    checked = [_message(message, f"messages[{at}]") for at, message in enumerate(messages)]
    if "system" not in given:
        return checked
    return [{"role": "system", "content": _text(given["system"], "system")}, *checked]


def _message(message: object, name: str) -> dict[str, object]:
    if not isinstance(message, dict) or message.get("role") not in ROLES:
        raise Refused(f"`{name}` is an object with a `role`: {', '.join(ROLES)}")
    for field in message:
        if field not in OF_MESSAGE:
            raise Refused(f"`{name}` has a field `{field[:80]}`; known: {', '.join(OF_MESSAGE)}")
    calls = message["role"] == "assistant" and isinstance(message.get("tool_calls"), list)
    if not (calls and message.get("content") is None):
        _text(message.get("content"), f"{name}.content")
    return message


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise Refused(f"`{name}` is text, and not empty")
    return value


def _settings(given: dict[str, object]) -> dict[str, object]:
    for name, (least, most) in RANGES.items():
        value = given.get(name, least)
        # Neither true nor NaN is between any two numbers.
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not least <= value <= most
        ):
            raise Refused(f"`{name}` is a number from {least:,} to {most:,}")
    for name, kind_of in OTHERS.items():
        if not isinstance(given.get(name, kind_of()), kind_of):
            kind = {dict: "an object", list: "a list", bool: "true or false"}[kind_of]
            raise Refused(f"`{name}` is {kind}")
    counted = {name: whole(given, name, 1, *WHOLE[name]) for name in WHOLE if name in given}
    named = (*RANGES, *OTHERS)
    return {**counted, **{name: given[name] for name in named if name in given}, **_stop(given)}


def _stop(given: dict[str, object]) -> dict[str, object]:
    if "stop" not in given:
        return {}
    stop = given["stop"] if isinstance(given["stop"], list) else [given["stop"]]
    fits = all(isinstance(text, str) and 0 < len(text) <= MAX_STOP for text in stop)
    if not fits or not 1 <= len(stop) <= MAX_STOPS:
        raise Refused(f"`stop` is up to {MAX_STOPS} texts of 1 to {MAX_STOP} characters")
    return {"stop": stop}
