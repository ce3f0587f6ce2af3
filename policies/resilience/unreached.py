"""The reasons why a server with a URL was not reached.

1. Cloudflare's `fetch` does not fail when a server cannot be reached: its network answers with a
   status of its own (`STATUSES`), which no server has. With a service binding such a status is the
   Worker's, and stays a response.
2. Where the runtime itself connects, as on a developer's machine, `fetch` fails without a reason.
3. Requests that the router's guard refuses (`router/edge/runtime/guard.py`) are not sent.
4. A server may answer with a status that no Worker can pass on, such as 999. That counts as no
   response.
"""

from __future__ import annotations

RESPONSE_TIMEOUT = "response-timeout"
PRIVATE, UNRESOLVED = "private-address", "dns-failure"
# https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors
STATUSES = {
    520: "connection-lost",
    521: "connect-failure",  # refused
    522: "connect-failure",  # not within Cloudflare's time
    523: "connect-failure",  # no way there
    524: RESPONSE_TIMEOUT,
    525: "tls-failure",  # no handshake
    526: "tls-failure",  # the certificate is not valid
    530: UNRESOLVED,  # nearly always with the error 1016
}
FIRST_OF_CLOUDFLARE = min(STATUSES)
# The names of the errors of `outbound.js`, whose requests have not been sent.
NOT_SENT = {"PrivateAddress": PRIVATE, "NoAddress": UNRESOLVED}
CAUSES = {**NOT_SENT, "BadStatus": "bad-status"}  # of all errors that `outbound.js` names


def is_url(upstream: str) -> bool:
    """Return whether it is a URL, and not a service binding."""
    return "://" in upstream


def cause_of(status: int, error: str) -> str | None:
    """Return the cause in a word for an attempt at a URL; None if the server answered. `error`: the
    name of the error, if there is no status."""
    return STATUSES.get(status) if status else CAUSES.get(error, "connect-failure")
