"""Copies a result into plain JSON types, or raises `BadResult` that says where it is not JSON.

It is used in the isolate, on the result of the code, and outside, on the answer of the isolate.
Values may be of the code's own classes, whose methods may do anything, so a caller in the isolate
expects any exception.
"""

from __future__ import annotations

MAX_DEPTH = 64  # of lists and dictionaries in each other
MAX_VALUES = 200_000
MAX_INTEGER = 2**53 - 1  # larger ones are not exact in every reader of JSON
MAX_PLACE = 200  # characters of a value's place


class BadResult(Exception):
    pass


def plain(value: object) -> object:
    """A copy of `value` in plain JSON types. Raises `BadResult`, which says where it is not
    JSON."""
    return _Plain().copy(value, "result", 0)


class _Plain:
    def __init__(self) -> None:
        self.values = 0

    def copy(self, value: object, place: str, depth: int) -> object:
        self.values += 1
        if self.values > MAX_VALUES:
            raise BadResult(f"`result` holds more than {MAX_VALUES} values")
        if value is None or value is True or value is False:
            return value
        if isinstance(value, str):
            return _text(value, place)
        if isinstance(value, int):
            return _integer(int(value), place)
        if isinstance(value, float):
            return _number(float(value), place)
        if depth >= MAX_DEPTH and isinstance(value, (dict, list, tuple)):
            raise BadResult(f"{place[:30]}…: nested deeper than {MAX_DEPTH}, or within itself")
        if isinstance(value, dict):
            return {
                _key(key, place): self.copy(item, _within(place, key), depth + 1)
                for key, item in dict.items(value)
            }
        if isinstance(value, (list, tuple)):
            return [self.copy(v, _within(place, i), depth + 1) for i, v in enumerate(value)]
        raise BadResult(f"{place}: a {type(value).__name__} is no JSON value")


def _within(place: str, key: object) -> str:
    """It is made for each value, so it must not grow with the keys."""
    return f"{place[:MAX_PLACE]}[{key!r:.100}]"


def _key(key: object, place: str) -> str:
    if not isinstance(key, str):
        raise BadResult(f"{place}: the key {key!r:.100} is no text; JSON has no other keys")
    return _text(key, place)


def _text(value: str, place: str) -> str:
    try:
        return str(value).encode().decode()
    except UnicodeEncodeError:
        raise BadResult(f"{place}: text with half a character (a lone surrogate)") from None


def _integer(value: int, place: str) -> int:
    if not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise BadResult(f"{place}: an integer beyond ±(2**53 - 1); give it as text")
    return value


def _number(value: float, place: str) -> float:
    if value != value or value in (float("inf"), float("-inf")):
        raise BadResult(f"{place}: {value} is no JSON value")
    return value
