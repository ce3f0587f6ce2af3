"""The interface by which a push reports its progress. Publishing itself neither prints nor asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Part = str | tuple[str, str]  # a text, or a text and its style


class Reporter(Protocol):
    def tell(self, *parts: Part) -> None:
        """Report what was done, in a line."""

    def warn(self, message: str) -> None:
        """Report a problem that does not stop the push."""

    def difference(self, before: bytes | None, after: bytes) -> None:
        """Report what a push would change; `before` is the live policy, None if there is none."""

    def waiting(self) -> AbstractContextManager[Callable[[str], None]]:
        """A context for a wait; it yields a function that takes the current state."""


class Silent:
    """Reports nothing."""

    def tell(self, *parts: Part) -> None:
        pass

    def warn(self, message: str) -> None:
        pass

    def difference(self, before: bytes | None, after: bytes) -> None:
        pass

    @contextmanager
    def waiting(self) -> Iterator[Callable[[str], None]]:
        yield lambda text: None


SILENT = Silent()
