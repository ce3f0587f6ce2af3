"""An answer that the router gives itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """Header names in lower case; a name may come repeatedly."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str = ""
