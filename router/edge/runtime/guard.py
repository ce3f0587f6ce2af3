"""Checks URLs before anything is sent to them.

1. A URL whose host is private by its spelling is refused (`workers_runtime/networks.py`).
2. A public name may resolve to a private address, now or later (DNS rebinding). With a resolver
   (DNS over HTTPS, the variable ROUTER_RESOLVER) it is looked up when a request is sent, and the
   result is used for its TTL. One private address among several is enough to refuse it, and so is a
   resolver that does not answer.
3. On a developer's machine, where the Worker has LOCAL_FLAG, ROUTER_ALLOW_PRIVATE lifts both.

Cloudflare's network itself refuses private addresses, and needs no resolver. On a developer's
machine workerd connects to any address of a name.
"""

from __future__ import annotations

import json
from typing import Literal

from workers_runtime.names import questions, read_answers
from workers_runtime.networks import is_public
from workers_runtime.urls import parse_url

RESOLVER = "ROUTER_RESOLVER"
ALLOW_PRIVATE = "ROUTER_ALLOW_PRIVATE"
LOCAL_FLAG = "python_workers_development"  # no deployment has it
Error = Literal["PrivateAddress", "NoAddress"]  # as `policies/resilience/unreached.py` knows them


class UrlGuard:
    """The checks, as `outbound.js` calls them. `resolver`: a URL, "" for none."""

    def __init__(self, resolver: str, *, allow_private: bool) -> None:
        self._resolver = resolver
        self._allow_private = allow_private

    def judge(self, url: str) -> str:
        """Return what must be done before a request to `url`: nothing ([]), DNS queries to these
        URLs ([…]), or a refusal (the error's name and message)."""
        if self._allow_private:
            return "[]"
        parsed = parse_url(url)
        if not is_public(parsed.host, parsed.address):
            return _refusal("PrivateAddress", f"{parsed.host} is no public host")
        if not self._resolver or parsed.address:
            return "[]"
        return json.dumps(questions(self._resolver, parsed.host))

    def look_up(self, url: str, answers: str) -> str:
        """Return for how many seconds these answers are valid, and why `url` is refused, "" if it
        is not."""
        host = parse_url(url).host
        try:
            found = read_answers(json.loads(answers))
        except ValueError as error:
            return f"0\n{_refusal('NoAddress', f'{host} could not be looked up: {error}')}"
        if not found.addresses:
            return f"{found.seconds}\n{_refusal('NoAddress', f'there is no host {host}')}"
        if not found.is_public:
            why = f"{host} leads to an address that is not public"
            return f"{found.seconds}\n{_refusal('PrivateAddress', why)}"
        return f"{found.seconds}\n"


def _refusal(error: Error, message: str) -> str:
    return json.dumps({"name": error, "message": message})
