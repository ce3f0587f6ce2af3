"""Results of capabilities: any JSON value, or one of these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Output(NamedTuple):
    """A result as JSON, and further fields of the response."""

    result: object
    more: Mapping[str, object]


class Stream(NamedTuple):
    """A result of server-sent events; `body` is the runtime's stream."""

    body: object
