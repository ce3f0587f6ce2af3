"""Fields of a job's input: read, or refused with what they should be."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches

from agent.core.refused import Refused
from workers_runtime import json_text
from workers_runtime.json_text import JsonMapping


def check_known(given: Mapping[str, object], known: Collection[str]) -> None:
    """Refuse unknown fields: a misspelled one would be ignored otherwise."""
    for name in given:
        if name not in known:
            nearest = get_close_matches(name[:80], known, n=1)
            hint = f"did you mean `{nearest[0]}`?" if nearest else f"known: {', '.join(known)}"
            raise Refused(f"there is no field `{name[:80]}`; {hint}")


def text(given: Mapping[str, object], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value:
        raise Refused(f"`{name}` is missing or not text")
    return value


def whole(given: Mapping[str, object], name: str, usual: int, least: int, most: int) -> int:
    value = json_text.whole(given.get(name, usual))
    if value is None or not least <= value <= most:
        raise Refused(f"`{name}` is a whole number from {least:,} to {most:,}")
    return value


def yes_or_no(given: Mapping[str, object], name: str) -> bool:
    """False if it is missing."""
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise Refused(f"`{name}` is true or false")
    return value


def some_of(given: JsonMapping, name: str, known: Collection[str]) -> list[str]:
    """A list of known words; all known words if it is missing."""
    value = given.get(name, list(known))
    fits = isinstance(value, list) and value and all(isinstance(word, str) for word in value)
    if not fits or not set(value) <= set(known):
        raise Refused(f"`{name}` is a list of {', '.join(known)}")
    return list(dict.fromkeys(value))
