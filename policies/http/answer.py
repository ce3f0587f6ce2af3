"""A response of the router itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DirectResponse:
    """Header names are in lower case; a name may occur several times."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str = ""
