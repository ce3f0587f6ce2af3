"""Whether a result can be posted to a `callback_url`, and the field `callback` if it cannot.

FiberWise Core's client always sends the address that it submits to, with `/callback`: that is the
agent itself, and nothing is posted there. Such an address, or one that is not allowed, does not
refuse a job; the response says that the result is to be fetched.
"""

from __future__ import annotations

from agent.callbacks.callbacks import refused_url
from agent.core.http.call import Call
from agent.core.isolate.agent import Agent
from workers_runtime.urls import BadUrl, parse_url

OWN = "/activations/callback"


def unreachable(url: str, agent: Agent, call: Call) -> str | None:
    """Why results are not posted to `url`. Returns None if they are."""
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


def no_callback_to_dict(id: str, why: str) -> dict[str, object]:
    return {"status": "none", "reason": why, "fetch": f"/activations/{id}"}
