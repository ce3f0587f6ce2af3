"""Who is told how a push goes. Publishing itself prints nothing, and asks nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Part = str | tuple[str, str]  # a text, or a text and its style


class Reporter(Protocol):
    def tell(self, *parts: Part) -> None:
        """A line about what was done."""

    def warn(self, message: str) -> None:
        """Something that stops nothing, but had better be known."""

    def difference(self, before: bytes | None, after: bytes) -> None:
        """What a push would change; `before` is what is live, None if nothing is."""

    def waiting(self) -> AbstractContextManager[Callable[[str], None]]:
        """While something is waited for: takes how it stands, again and again."""


class Silent:
    """For who wants to know nothing but the outcome."""

    def tell(self, *parts: Part) -> None:
        pass

    def warn(self, message: str) -> None:
        pass

    def difference(self, before: bytes | None, after: bytes) -> None:
        pass

    @contextmanager
    def waiting(self) -> Iterator[Callable[[str], None]]:
        yield lambda told: None


SILENT = Silent()
