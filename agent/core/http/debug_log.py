"""The log of requests and responses in development, one event each.

It holds no secrets. Values under a name that sounds like one (a header, a parameter, a field at any
depth, also in JSON within text) are hidden, and so is a body that is not JSON, since its parts have
no names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from workers_runtime.json_text import read_json

MAX_BODY = 2_048  # characters
MAX_PATH = 512
WITHIN = 2  # times that JSON may stand as text within JSON
HIDDEN = "[hidden]"
_SECRET = (
    r"authorization|cookie|key|token|secret|signature|password|passwd|passphrase|pwd|credential"
    r"|session|jwt|(?<![a-z])(?:auth|sig)(?![a-z])"
)
_NAME = re.compile(_SECRET, re.IGNORECASE)
# In the middle of other text: `token=…`, `"api_key": "…"`, `Bearer …`, `https://user:…@host`.
# Bounded, so that no text takes long.
_IN_TEXT = re.compile(
    rf"""
    (   (?:{_SECRET}) [\w-]{{0,40}} [\\"']{{0,4}} \s{{0,8}} [=:] \s{{0,8}} \\{{0,4}}
        (?:(?:bearer|basic)\s{{1,8}})?
    |   \b(?:bearer|basic)\s{{1,8}}
    |   ://
    )
    ( "[^"]*"? | '[^']*'? | [^\s"'&;,/@]+(?=@) | (?<!://)[^\s"'&;,]+ )
    """,
    re.IGNORECASE | re.VERBOSE,
)


def request_event(
    method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: str | None
) -> dict[str, object]:
    """`body`: as it was read; None if it was not."""
    return {
        "event": "request",
        "method": method[:16],
        "path": _text(path[:MAX_PATH], WITHIN),
        "query": _redacted(dict(query), WITHIN),
        "headers": _redacted(dict(headers), WITHIN),
        "body": body_text(body),
    }


def answer_event(
    status: int, headers: Mapping[str, str], body: object, took_ms: float
) -> dict[str, object]:
    """`body`: text; anything else is a stream, which is not looked into."""
    return {
        "event": "answer",
        "status": status,
        "headers": _redacted(dict(headers), WITHIN),
        "body": body_text(body) if isinstance(body, str) else "[a stream]",
        "took_ms": round(took_ms, 3),
    }


def body_text(body: str | None) -> str | None:
    """JSON without its secrets, as far as it fits."""
    if not body:
        return body
    try:
        value = read_json(body)
    except ValueError:
        return f"[no JSON: {len(body):,} characters]"
    return json.dumps(_redacted(value, WITHIN), ensure_ascii=False)[:MAX_BODY]


def _redacted(value: object, within: int) -> object:
    if isinstance(value, dict):
        return {
            _text(name, within): HIDDEN if _NAME.search(name) else _redacted(inner, within)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_redacted(inner, within) for inner in value]
    return _text(value, within) if isinstance(value, str) else value


def _text(text: str, within: int) -> str:
    """Redacts JSON within text; text nested too deeply is hidden."""
    if text.lstrip()[:1] in ("{", "[", '"'):
        try:
            value = read_json(text)
        except ValueError:
            pass
        else:
            return json.dumps(_redacted(value, within - 1)) if within else HIDDEN
    return _IN_TEXT.sub(rf"\g<1>{HIDDEN}", text[:MAX_BODY])
