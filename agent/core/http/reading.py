"""Parses requests within limits. Each mistake is a `Problem` that says how to correct it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

from agent.core.http.call import Call
from agent.core.http.problem import Problem
from workers_runtime.json_text import JsonObject, read_writable_json, whole

MAX_BODY = 1024 * 1024
SHOWN = 80  # characters of a client's text in an error
_WHOLE = re.compile(r"-?[0-9]{1,9}")
_NUMBER = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,30})?(?:e[+-]?[0-9]{1,3})?)s?")


class QueryValue(str):
    """A value of a query, where numbers are text, which they may not be in JSON."""


def read_object(call: Call, known: Sequence[str], example: str) -> dict[str, object]:
    """The body, a JSON object of no other fields than `known`."""
    return only(read_any_object(call, example), known)


def read_any_object(call: Call, example: str) -> dict[str, object]:
    """The body, a JSON object."""
    text = call.body(MAX_BODY)
    if text is None:
        raise Problem(413, f"the body has more than {MAX_BODY:,} bytes")
    try:
        value = read_writable_json(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Problem(400, f"the body is no JSON object; send one such as {example}")
    return value


def read_options(call: Call, known: Sequence[str], example: str) -> dict[str, object]:
    """Options from the query, or from the body of a POST; either may be empty."""
    found = read_query(call, known)
    if call.method != "POST":
        return found
    text = call.body(MAX_BODY)
    if text is not None and not text.strip():
        return found
    return {**found, **read_object(call._replace(body=lambda _: text), known, example)}


def read_query(call: Call, known: Sequence[str]) -> JsonObject:
    return only({name: QueryValue(value) for name, value in call.query.items()}, known)


def only(
    value: dict[str, object], known: Sequence[str], where: str = "", what: str = "field"
) -> dict[str, object]:
    for name in value:
        if name not in known:
            nearest = get_close_matches(name[:SHOWN], known, n=1)
            hint = f"did you mean `{where}{nearest[0]}`?" if nearest else ""
            listed = f"known: {', '.join(known)}"
            raise Problem(400, f"there is no {what} `{where}{name[:SHOWN]}`; {hint or listed}")
    return value


def text_of(value: dict[str, object], name: str, pattern: re.Pattern[str], rule: str) -> str:
    found = value.get(name)
    if not isinstance(found, str) or not pattern.fullmatch(found):
        raise Problem(400, f"`{name}` {rule}")
    return found


def whole_of(value: JsonObject, name: str, usual: int, least: int, most: int) -> int:
    given = value.get(name, usual)
    is_text = isinstance(given, QueryValue) and _WHOLE.fullmatch(given)
    found = int(given) if is_text else whole(given)
    if found is None or not least <= found <= most:
        raise Problem(400, f"`{name}` is a whole number from {least:,} to {most:,}")
    return found


def names_of(value: JsonObject, name: str) -> list[str]:
    """A list of texts, in a query one text with commas."""
    given = value[name]
    is_text = isinstance(given, QueryValue)
    names = [text.strip(" ") for text in given.split(",")] if is_text else given
    if not isinstance(names, list) or not all(isinstance(text, str) for text in names):
        raise Problem(400, f"`{name}` is a list of names")
    return names


def seconds_of(value: dict[str, object], name: str, usual: float, least: float, most: float) -> int:
    """A time in milliseconds, given in seconds: 20 or 0.5, in a query also 20s."""
    found = value.get(name, usual)
    if isinstance(found, QueryValue):
        match = _NUMBER.fullmatch(found)
        found = float(match[1]) if match else None
    if isinstance(found, bool) or not isinstance(found, int | float) or not least <= found <= most:
        raise Problem(400, f"`{name}` is a number of seconds from {least:g} to {most:g}")
    return round(found * 1000)
