"""The HTTP client that the agent needs; the edge implements it.

Bodies stay with the runtime until the agent knows how to read them; `handle` is the runtime's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from agent.core.web.request import Request


class ResponseHead(NamedTuple):
    """An answer whose body has not been read; `headers` by lower-case names."""

    status: int
    headers: tuple[tuple[str, str], ...]
    handle: object = None


class Body(NamedTuple):
    """A body, or the first part of it. `start`: its first bytes as Latin-1."""

    is_cut: bool
    start: str
    handle: object = None


class WireError(Exception):
    """A request, or the reading of its answer, failed. `name` is that of the JavaScript error;
    `TimeoutError` if it took too long."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class Wire(Protocol):
    """Everything raises `WireError`."""

    def send(self, request: Request, timeout_ms: int) -> ResponseHead:
        """One request; redirects are not followed."""

    def read(self, head: ResponseHead, most: int, timeout_ms: int) -> Body:
        """Reads at most `most` bytes of the body; the rest is cancelled."""

    def text(self, held: Body, charset: str) -> str: ...

    def ask(self, urls: Sequence[str], timeout_ms: int) -> list[str]:
        """The resolver's answers, one for each URL."""
