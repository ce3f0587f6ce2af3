"""Writes a value as YAML in one line, for hints."""

from __future__ import annotations

import json
import re

# Text that needs no quotes in any position.
_PLAIN = re.compile(
    r"[A-Za-z/_][A-Za-z0-9/_.%+~$-]*(?:://?[A-Za-z0-9/_.%+~$*:-]+)?|[0-9]+[a-zA-Z%/][A-Za-z0-9%/]*"
)
_NOT_TEXT = re.compile(r"(?i:true|false|null|0o[0-7]+|0x[0-9a-f]+|[0-9]+e[0-9]+)")
MAX_LENGTH = 200


def flow(value: object) -> str:
    """`{ prefix: /api }`, `["*"]`, `10s`."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{flow(key)}: {flow(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str) and (value == "…" or _is_plain(value)):
        return value
    if isinstance(value, str) and "\\" in value and "'" not in value and value.isprintable():
        return f"'{value}'"
    text = json.dumps(value, ensure_ascii=not str(value).isprintable(), default=str)
    return text.replace("\x7f", "\\u007F")


def _is_plain(text: str) -> bool:
    return bool(_PLAIN.fullmatch(text)) and not _NOT_TEXT.fullmatch(text)
