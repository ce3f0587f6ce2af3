"""The number of a request in its headers and its body: `{n}` is the number, `{n%60}` its
remainder, for sixty different users or addresses."""

from __future__ import annotations

import re

_PLACE = re.compile(r"\{n(?:%([1-9][0-9]{0,6}))?\}", re.ASCII)
_MEANT = re.compile(r"\{\s*n\s*%[^}]*\}")


def numbered(text: str, number: int) -> str:
    """Return `text` with the number of the request filled in."""

    def found(match: re.Match[str]) -> str:
        return str(number % int(match[1]) if match[1] else number)

    return _PLACE.sub(found, text)


def unreadable(text: str) -> str | None:
    """Return a malformed remainder, such as `{n%0}`; "" if there is none."""
    odd = next((place for place in _MEANT.findall(text) if not _PLACE.fullmatch(place)), None)
    return str(odd) if odd else None
