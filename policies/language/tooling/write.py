"""Writes values as readable YAML: short mappings in one line, few quotes.

What is written is read as the same value.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator

from policies.basics.untyped import JsonObject
from policies.language.yaml.composer import resolve

WIDTH = 96  # characters of a line; longer mappings and lists get a line for each entry
_PLAIN = re.compile(r"[A-Za-z0-9_/][A-Za-z0-9_./-]*", re.ASCII)


def document(value: JsonObject) -> Iterator[str]:
    """Yield the lines of a document; each of its mappings and lists has a blank line above it."""
    for name, each in value.items():
        lines = [*field(name, each, WIDTH)]
        if len(lines) > 1:
            yield ""
        yield from lines


def comment(text: str) -> str:
    return ("# " + "".join(c if c.isprintable() else "?" for c in text)).rstrip()


def field(name: str, value: object, width: int) -> Iterator[str]:
    key = f"{_scalar(name)}:"
    flow = _flow(value)
    if not isinstance(value, dict | list) or len(key) + 1 + len(flow) <= width:
        yield f"{key} {flow}"
        return
    yield key
    for line in _block(value, width - 2):
        yield f"  {line}"


def hung(items: list[list[str]], indent: int) -> list[str]:
    """Return the lines of list items, the first of each after a dash."""
    space = " " * indent
    return [
        f"{space}{'- ' if number == 0 else '  '}{line}"
        for item in items
        for number, line in enumerate(item)
    ]


def _block(value: object, width: int) -> list[str]:
    """Return the lines of a mapping or a list, one entry per line."""
    if isinstance(value, dict):
        return [line for k, v in value.items() for line in field(k, v, width)]
    items = []
    for item in value if isinstance(value, list) else ():
        flow = _flow(item)
        short = not isinstance(item, dict | list) or len(flow) + 2 <= width
        items.append([flow] if short else _block(item, width - 2))
    return hung(items, 0)


def _flow(value: object) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{_scalar(k)}: {_flow(v)}" for k, v in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value)


def _scalar(value: object) -> str:
    """Return text in quotes, unless it is read as the same text without."""
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and resolve(value) == value:
        return value
    return "".join(map(_escaped, json.dumps(value, ensure_ascii=False)))


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    number = ord(character)
    return f"\\u{number:04X}" if number <= 0xFFFF else f"\\U{number:08X}"
