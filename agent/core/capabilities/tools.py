"""The tools of capabilities: what they use beside their input, for one request of one tenant.

Each call returns a value or raises `Unavailable`. The edge creates a tool when it is first used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from agent.core.capabilities.models import Ai
from agent.core.capabilities.python import Python
from agent.core.capabilities.sql.data import Data
from agent.core.web.web import Web


class Tools(Protocol):
    """`tenant`: the id of the API key that the job belongs to; `scopes`: of that key."""

    @property
    def tenant(self) -> str: ...

    @property
    def scopes(self) -> frozenset[str]: ...

    @property
    def ai(self) -> Ai: ...

    @property
    def data(self) -> Data: ...

    @property
    def python(self) -> Python: ...

    @property
    def web(self) -> Web: ...


RunCapability = Callable[[dict[str, object], Tools], object]


class Capability(NamedTuple):
    """`run`: from the job's input to its result, which JSON can hold, an `Output` or a `Stream`. It
    raises `Refused` or `Unavailable`. `is_kept`: the same input gives the same result for a few
    minutes, and making it costs more than looking it up; or a function that decides it for an
    input, not validated yet. `scopes`: those of a key that it looks at."""

    run: RunCapability
    is_kept: bool | Callable[[dict[str, object]], bool] = False
    scopes: frozenset[str] = frozenset()

    def keeps(self, given: dict[str, object]) -> bool:
        return self.is_kept(given) if callable(self.is_kept) else self.is_kept
