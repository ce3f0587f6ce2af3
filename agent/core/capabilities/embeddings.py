"""The capability `ai-embeddings`: texts as vectors, near each other if they mean the same.

`{"text": … | […], "model"?: …, "pooling"?: "mean" | "cls"}`. `data` has a vector for each text;
of one text that is no list, `embeddings` is that vector, too.
"""

from __future__ import annotations

from agent.core.capabilities.models import PROVIDER, AiTools, model_of, run_model
from agent.core.fields import check_known
from agent.core.refused import Refused
from workers_runtime.json_text import Parsed

MAX_TEXTS = 100  # of Workers AI
MAX_TEXT = 40_000  # characters: more than any model reads
POOLING = ("mean", "cls")
FIELDS = ("text", "model", "pooling")
KEPT = ("shape", "data", "pooling", "usage", "stand_in")


def embed(given: dict[str, object], tools: AiTools) -> dict[str, object]:
    """Raises `Refused` or `Unavailable`."""
    check_known(given, FIELDS)
    inputs: dict[str, object] = {"text": _texts(given.get("text"))}
    if "pooling" in given:
        if given["pooling"] not in POOLING:
            raise Refused(f"`pooling` is {' or '.join(POOLING)}")
        inputs["pooling"] = given["pooling"]
    model = model_of(given, tools.ai.embedding_model)
    answer = run_model(tools.ai, model, inputs)
    if not isinstance(answer, dict) or not isinstance(answer.get("data"), list):
        raise Refused(f"{model} gives no embeddings; name a model that does")
    fields = {name: answer[name] for name in KEPT if name in answer}
    return {
        "model": model,
        "provider": PROVIDER,
        **fields,
        **_vectors(given["text"], answer["data"]),
    }


def _vectors(text: object, data: list[object]) -> dict[str, object]:
    first = data[0] if data else None
    if not isinstance(first, list):
        return {}
    vector = {} if isinstance(text, list) else {"embeddings": first}
    return {"dimensions": len(first), **vector}


def _texts(text: Parsed) -> list[str]:
    texts = text if isinstance(text, list) else [text]
    if not 1 <= len(texts) <= MAX_TEXTS:
        raise Refused(f"`text` is a text, or a list of 1 to {MAX_TEXTS} texts")
    for at, one in enumerate(texts):
        name = f"text[{at}]" if isinstance(text, list) else "text"
        if not isinstance(one, str) or not one.strip():
            raise Refused(f"`{name}` is missing, empty or not text")
        if len(one) > MAX_TEXT:
            raise Refused(
                f"`{name}` has {len(one):,} characters, and {MAX_TEXT:,} are allowed; "
                "`text-processing` makes chunks of it"
            )
    return texts
