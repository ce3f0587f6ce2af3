"""Whether an outcome can be posted to a `callback_url`, and what is said if it cannot.

FiberWise Core's client always sends its own submit address and `/callback`, which is an address
of the agent: nothing is posted there. Neither that nor an address which is not allowed refuses
a job; the answer says that the outcome waits to be fetched.
"""

from __future__ import annotations

from typing import Any

from agent.callbacks.callbacks import refused_url
from agent.core.http.call import Call
from agent.core.isolate.agent import Agent
from agent.core.web.urls import BadUrl, parse_url

OWN = "/activations/callback"


def unreachable(url: str, agent: Agent, call: Call) -> str | None:
    """Why nothing is posted to `url`; None if it is."""
    if is_own(url, call.headers.get("host", "")):
        return "this is the agent's own address, where nobody waits for it"
    refused = refused_url(url, agent.settings.callbacks)
    return None if refused is None else f"`callback_url` {refused.message}"


def is_own(url: str, host: str) -> bool:
    """Whether it is the address that activations are submitted to, and `/callback`."""
    try:
        parsed = parse_url(url)
    except BadUrl:
        return False
    is_here = parsed.origin.partition("://")[2] == host.lower()
    return is_here and parsed.rest.partition("?")[0] == OWN


def told_of_none(id: str, why: str) -> dict[str, Any]:
    return {"status": "none", "reason": why, "fetch": f"/activations/{id}"}
