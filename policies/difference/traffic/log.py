"""Reads a log of requests, one JSON object per line, to compare two policies.

`url` is required; `method`, `headers`, `ip`, `country`, `continent` and `colo` are optional.
Headers are a mapping, or lines as for `router explain`. Other fields are ignored.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from policies.difference.traffic.outcomes import TrafficRequest
from policies.http.request import Client

_CLIENT = ("ip", "colo", "country", "continent")


class BadLine(Exception):
    """A line is not a request; the message says why."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line, self.message = line, message


def read_log(lines: Iterable[str | bytes]) -> Iterator[TrafficRequest]:
    """Yield the requests of all lines that are not empty. Raises `BadLine`."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield _request(json.loads(line))
            except (ValueError, RecursionError) as error:
                reason = str(error) if type(error) is ValueError else "this is not JSON"
                raise BadLine(number, reason) from None


def _request(value: object) -> TrafficRequest:
    if not isinstance(value, dict):
        raise ValueError("a line must be a JSON object with at least `url`")
    url = value.get("url")
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise ValueError("`url` is not an absolute http or https URL")
    fields = {name: value.get(name) or "" for name in ("method", *_CLIENT)}
    for name, text in fields.items():
        if not isinstance(text, str):
            raise ValueError(f"`{name}` is not text")
    method = fields.pop("method") or "GET"
    return TrafficRequest(method, url, _headers(value.get("headers")), Client(**fields))


def _headers(value: object) -> Mapping[str, str]:
    """Return the headers by lower-case name; repeated ones are joined."""
    if value is None:
        return {}
    pairs = list(value.items()) if isinstance(value, dict) else []
    if isinstance(value, list):
        for line in value:
            name, colon, text = line.partition(":") if isinstance(line, str) else ("", "", "")
            if not colon or not name.strip():
                raise ValueError("`headers` has a line that is not `Name: value`")
            pairs.append((name.strip(), text.strip()))
    elif not isinstance(value, dict):
        raise ValueError("`headers` is neither a mapping nor a list")
    headers: dict[str, str] = {}
    for name, text in pairs:
        if not isinstance(text, str):
            raise ValueError(f"the header `{name[:80]}` is not text")
        key = name.lower()
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers
