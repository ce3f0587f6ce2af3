"""Writes a policy as readable YAML: with comments, short mappings in one line, few quotes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from policies.basics.untyped import JsonObject
from policies.language.yaml.composer import resolve

WIDTH = 96  # characters of a line; longer mappings and lists get a line for each entry
_PLAIN = re.compile(r"[A-Za-z0-9_/][A-Za-z0-9_./-]*", re.ASCII)


class YamlEntry(NamedTuple):
    """An entry of a section, with the comments above it."""

    comments: list[str]
    value: JsonObject


def policy_text(
    header: Iterable[str], variants: dict[str, YamlEntry], routes: Iterable[YamlEntry]
) -> str:
    """Return the text of `routes.yaml`."""
    lines = [*map(_comment, header), "", "version: 1", "", "variants:"]
    for name, entry in variants.items():
        lines += [f"  {_comment(comment)}" for comment in entry.comments]
        lines += [f"  {line}" for line in _field(name, entry.value, WIDTH - 2)]
    lines += ["", "routes:"]
    for number, entry in enumerate(routes):
        lines += [""] * (number > 0)
        lines += [f"  {_comment(comment)}" for comment in entry.comments]
        fields = [line for k, v in entry.value.items() for line in _field(k, v, WIDTH - 4)]
        lines += _hung([fields], 2)
    return "\n".join(lines) + "\n"


def _comment(text: str) -> str:
    return ("# " + "".join(c if c.isprintable() else "?" for c in text)).rstrip()


def _field(name: str, value: object, width: int) -> Iterator[str]:
    key = f"{_scalar(name)}:"
    flow = _flow(value)
    if not isinstance(value, dict | list) or len(key) + 1 + len(flow) <= width:
        yield f"{key} {flow}"
        return
    yield key
    for line in _block(value, width - 2):
        yield f"  {line}"


def _block(value: object, width: int) -> list[str]:
    """Return the lines of a mapping or a list, one entry per line."""
    if isinstance(value, dict):
        return [line for k, v in value.items() for line in _field(k, v, width)]
    items = []
    for item in value if isinstance(value, list) else ():
        flow = _flow(item)
        short = not isinstance(item, dict | list) or len(flow) + 2 <= width
        items.append([flow] if short else _block(item, width - 2))
    return _hung(items, 0)


def _hung(items: list[list[str]], indent: int) -> list[str]:
    """Return the lines of list items, the first of each after a dash."""
    space = " " * indent
    return [
        f"{space}{'- ' if number == 0 else '  '}{line}"
        for item in items
        for number, line in enumerate(item)
    ]


def _flow(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_scalar(k)}: {_flow(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value)


def _scalar(value: object) -> str:
    """Return text in quotes, unless it is read as the same text without."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and resolve(value) == value:
        return value
    return json.dumps(value)
