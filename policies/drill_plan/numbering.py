"""The number of a request in its headers and its body: `{n}` is the number itself, `{n%60}` its
remainder, so that sixty users or addresses take turns."""

from __future__ import annotations

import re

_PLACE = re.compile(r"\{n(?:%([1-9][0-9]{0,6}))?\}", re.ASCII)
_MEANT = re.compile(r"\{\s*n\s*%[^}]*\}")


def numbered(text: str, number: int) -> str:
    """`text` as the request of that number has it."""

    def found(match: re.Match[str]) -> str:
        return str(number % int(match[1]) if match[1] else number)

    return _PLACE.sub(found, text)


def unreadable(text: str) -> str | None:
    """What looks like a remainder and is none, such as `{n%0}`."""
    odd = next((each for each in _MEANT.findall(text) if not _PLACE.fullmatch(each)), None)
    return str(odd) if odd else None
