"""A kind of request of a plan, from which numbered requests are made.

`{n}` in headers and body becomes the request's number, `{n%60}` its remainder; `{env:NAME}` in
headers becomes a variable of the environment, so that no plan needs to contain a key.
"""

from __future__ import annotations

import json
import os
import re

import httpx

from policies.drill_plan.model import Request
from policies.drill_plan.numbering import numbered
from router.terminal.errors import UsageError

_ENV = re.compile(r"\{env:([A-Za-z_][A-Za-z0-9_]*)\}")


class RequestKind:
    """Raises `UsageError` if the environment lacks a variable that a header uses."""

    def __init__(self, url: str, request: Request) -> None:
        self.name = request.name
        self._method = request.method
        self._url = httpx.URL(url.rstrip("/") + request.path)
        self._body = request.body
        self._headers = {name: _filled(value) for name, value in request.headers.items()}
        if request.host:
            self._headers["host"] = request.host
        if request.place:
            place = request.place.model_dump(exclude_none=True)
            # For the local runtime; otherwise its responses are compressed.
            place["clientAcceptEncoding"] = "gzip"
            self._headers["MF-CF-Blob"] = json.dumps(place)

    def request(self, client: httpx.AsyncClient, number: int) -> httpx.Request:
        headers = {name: numbered(value, number) for name, value in self._headers.items()}
        body = numbered(self._body, number).encode() or None
        return client.build_request(self._method, self._url, headers=headers, content=body)


def _filled(value: str) -> str:
    def variable(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise UsageError(f"the plan uses {match[1]} of the environment, which is not set")
        return os.environ[match[1]]

    return _ENV.sub(variable, value)
