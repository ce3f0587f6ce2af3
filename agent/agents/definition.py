"""What an agent is: a capability with settings, or Python with a function `run_agent`.

A body of `PUT /agents/{id}` becomes a definition, which is stored as JSON. Settings are checked
against their capability, and code in the sandbox (`check.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypedDict, cast

from agent.agents.check import CHECK
from agent.core.capabilities.completion import RANGES, WHOLE
from agent.core.capabilities.execution import unknown_capability
from agent.core.capabilities.models import MAX_MODEL, MODEL
from agent.core.http.problem import Problem
from agent.core.http.reading import only
from agent.sandbox.execute import MAX_TIMEOUT_MS, Outcome, PythonJob
from workers_runtime.json_text import JsonMapping, Parsed, whole

FIELDS = ("capability", "settings", "code")
EXAMPLE = '{"capability": "ai-completion", "settings": {"system_prompt": "Be brief."}}'
CODE_EXAMPLE = '{"code": "def run_agent(input_data): return input_data"}'
PYTHON, COMPLETION = "python-execution", "ai-completion"
# A job holds the code and its own input, and may have 512,000 bytes.
MAX_CODE = 256 * 1024  # bytes
MAX_PROMPT = 50_000  # characters
# Which settings a capability has; the others have none.
SETTINGS: Mapping[str, tuple[str, ...]] = {
    COMPLETION: ("model", "system_prompt", "temperature", "max_tokens"),
    "ai-embeddings": ("model",),
}

RunPython = Callable[[PythonJob], Outcome]


class Checked(TypedDict, total=False):
    """The result of `CHECK`: `error` and `line`, or `needs`."""

    error: str
    line: int
    needs: list[str]


class Definition(NamedTuple):
    """`code` is None for a capability with settings. `needs`: parameters of `run_agent` without a
    default, except the first."""

    capability: str
    settings: Mapping[str, object]
    code: str | None = None
    needs: tuple[str, ...] = ()

    @property
    def document(self) -> dict[str, object]:
        """The definition as it is stored."""
        if self.code is not None:
            return {"code": self.code, "needs": list(self.needs)}
        return {"capability": self.capability, "settings": dict(self.settings)}

    @property
    def text(self) -> str:
        """Canonical JSON, by which a change is recognised."""
        document = self.document
        return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def definition_of(document: JsonMapping) -> Definition:
    """The definition from its stored form."""
    if "code" in document:
        return Definition(PYTHON, {}, document["code"], tuple(document["needs"]))
    return Definition(document["capability"], document["settings"])


def read_definition(given: Mapping[str, object], run: RunPython) -> Definition:
    """Parse a request body. `run` runs Python in the sandbox. Raises `Problem`."""
    if ("code" in given) == ("capability" in given):
        raise Problem(
            400, f"an agent is a `capability` or `code`: send {EXAMPLE} or {CODE_EXAMPLE}"
        )
    if "code" in given:
        if "settings" in given:
            raise Problem(400, "`settings` are for a `capability`; code has none: leave them out")
        return _code(given["code"], run)
    capability = given["capability"]
    if not isinstance(capability, str):
        raise Problem(400, f"`capability` is text; send {EXAMPLE}")
    if unknown := unknown_capability(capability):
        raise Problem(400, unknown)
    return Definition(capability, _settings(capability, given.get("settings", {})))


def _settings(capability: str, given: object) -> dict[str, object]:
    if not isinstance(given, dict):
        raise Problem(400, f"`settings` is an object; send {EXAMPLE}")
    known = SETTINGS.get(capability, ())
    if given and not known:
        raise Problem(400, f"`{capability}` has no settings: leave `settings` out")
    only(given, known, "settings.")
    return {name: setting(name, value, f"settings.{name}") for name, value in given.items()}


def setting(name: str, value: Parsed, place: str) -> Parsed:
    """The validated value of a setting; `place` is its name in errors. Raises `Problem`."""
    fits: object
    if name == "model":
        fits = isinstance(value, str) and len(value) <= MAX_MODEL and MODEL.fullmatch(value)
        wanted = "the name of a model of Workers AI, such as `@cf/meta/llama-3.1-8b-instruct-fast`"
    elif name == "system_prompt":
        fits = isinstance(value, str) and 0 < len(value) <= MAX_PROMPT
        wanted = f"text of 1 to {MAX_PROMPT:,} characters"
    elif name == "temperature":
        least, most = RANGES[name]
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        fits = is_number and least <= value <= most
        wanted = f"a number from {least:g} to {most:g}"
    else:
        least, most = WHOLE[name]
        number = whole(value)
        fits = number is not None and least <= number <= most
        value, wanted = number, f"a whole number from {least:,} to {most:,}"
    if not fits:
        raise Problem(400, f"`{place}` is {wanted}")
    return value


def _code(code: object, run: RunPython) -> Definition:
    if not isinstance(code, str) or not code:
        raise Problem(400, f"`code` is text; send {CODE_EXAMPLE}")
    size = len(code.encode(errors="replace"))
    if size > MAX_CODE:
        raise Problem(413, f"`code` has {size:,} bytes, and {MAX_CODE:,} are allowed")
    outcome = run(PythonJob(CHECK, {"code": code}, MAX_TIMEOUT_MS))
    if outcome.error is not None:
        if outcome.error.kind == "unavailable":
            retry = (("retry-after", "2"),)
            raise Problem(503, f"the code could not be checked: {outcome.error.message}", retry)
        raise Problem(400, f"Python cannot read `code`: {outcome.error.message}")
    found = cast(Checked, outcome.result)
    if "error" in found:
        raise Problem(400, f"`code`, line {found['line']}: {found['error']}", line=found["line"])
    return Definition(PYTHON, {}, code, tuple(found["needs"]))
