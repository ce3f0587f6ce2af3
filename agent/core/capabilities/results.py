"""What a capability gives: a value that JSON can hold, or one of these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Output(NamedTuple):
    """A result that JSON can hold, and what is told beside it: fields of the answer."""

    result: Any
    more: Mapping[str, Any]


class Stream(NamedTuple):
    """A result that is server-sent events; `body` is the runtime's own stream."""

    body: object
