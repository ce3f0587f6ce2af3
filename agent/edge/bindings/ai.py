"""Workers AI over its binding: one crossing there, one back; streams pass untouched."""

from __future__ import annotations

import json
from typing import Any

from pyodide.ffi import run_sync

from agent.core.capabilities.models import ModelError
from agent.core.capabilities.results import Stream
from workers_runtime.javascript import JsObject, module

MODULE = "agent/edge/bindings/ai.js"
WITHIN_MS = 60_000  # the time limit for an answer, or for the start of a stream
# What Cloudflare recommended when it took the older models away (May 2026): fast and cheap.
TEXT_MODEL = "@cf/zai-org/glm-4.7-flash"
# Any language, and long texts.
EMBEDDING_MODEL = "@cf/baai/bge-m3"


class EdgeAi:
    """The models of one request: those that variables name, or the defaults."""

    def __init__(self, binding: JsObject, text_model: str, embedding_model: str) -> None:
        self._binding = binding
        self.text_model = text_model or TEXT_MODEL
        self.embedding_model = embedding_model or EMBEDDING_MODEL

    def run(self, model: str, inputs: dict[str, object]) -> Any | Stream:
        run = module(MODULE).run
        reply = run_sync(run(self._binding, model, json.dumps(inputs), WITHIN_MS))
        if not isinstance(reply, str):
            return Stream(reply)
        answer = json.loads(reply)
        if "error" in answer:
            raise ModelError(str(answer["error"]))
        return answer.get("answer")
