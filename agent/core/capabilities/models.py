"""Models of Workers AI: calls them, and decides whether a failure is worth another attempt.

Failures come as text that begins with a code, if they have one. Codes from 5000 are about the
request; those below are about the service, except those in a table.
"""

from __future__ import annotations

import re
from typing import NoReturn, Protocol

from agent.core.capabilities.results import Stream
from agent.core.refused import Refused, Unavailable

PROVIDER = "cloudflare-ai"  # who runs the models, in FiberWise's words
MAX_MODEL = 100  # characters
MAX_SHOWN = 500  # characters of a failure
MODEL = re.compile(r"@(?:cf|hf)/[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
_CODE = re.compile(r"\D{0,40}?\b(\d{4})\b: ")
ASKED = 5000
# Of developers.cloudflare.com/workers-ai/platform/errors: trying again is no use.
HOPELESS = {
    3003: "the request is incomplete",
    3006: "the request is too large",
    3023: "the account is blocked",
    3039: "the finetune is incomplete",
    3041: "the account may not use this model",
    3042: "the name of the model is not valid",
}


class ModelError(Exception):
    """The message is the service's."""


class Ai(Protocol):
    """`run` gives what JSON can hold, or a `Stream` if the inputs ask for one. Raises `ModelError`.
    The models are the defaults."""

    @property
    def text_model(self) -> str: ...

    @property
    def embedding_model(self) -> str: ...

    def run(self, model: str, inputs: dict[str, object]) -> object | Stream: ...


class AiTools(Protocol):
    @property
    def ai(self) -> Ai: ...


def run_model(ai: Ai, model: str, inputs: dict[str, object]) -> object | Stream:
    """Raises `Refused` or `Unavailable`."""
    try:
        return ai.run(model, inputs)
    except ModelError as error:
        _fail(model, str(error)[:MAX_SHOWN], error)


def model_of(given: dict[str, object], usual: str) -> str:
    model = given.get("model", usual)
    if not isinstance(model, str) or len(model) > MAX_MODEL or not MODEL.fullmatch(model):
        raise Refused(f"`model` is the name of a model, such as {usual}")
    return model


def _fail(model: str, message: str, error: ModelError) -> NoReturn:
    found = _CODE.match(message)
    code = int(found[1]) if found else 0
    more = {"model_code": code} if code else {}
    if code in HOPELESS or code >= ASKED:
        why = HOPELESS.get(code, "it cannot do this")
        raise Refused(f"{model}: {why}: {message}", **more) from error
    raise Unavailable(f"{model} did not answer: {message}", **more) from error
