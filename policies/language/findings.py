"""What is wrong with a policy, told so that it can be mended.

Every finding has a code (a heading in `docs/diagnostics.md`), the path of the value
in the policy (`routes[2].split.canary`), the line and column where it stands (both
from 1), a message that says what is wrong and a hint that says how to mend it.
A policy with an error is refused whole; a warning is only told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    code: str
    path: str
    line: int
    column: int
    message: str
    hint: str
    severity: Literal["error", "warning"] = "error"


def path_text(path: Sequence[str | int]) -> str:
    """`("routes", 2, "split")` as people write it: `routes[2].split`; the whole is `$`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text or "$"
