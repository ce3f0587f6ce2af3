"""Requests about rollouts to a running router.

If the router does not know a rollout, the error suggests the nearest name that it knows; if
it does not know the page, the error says that the router is older.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING
from urllib.parse import quote

from router.api.client import AdminClient, Refused
from router.terminal.errors import Failed, UsageError

if TYPE_CHECKING:
    from policies.api.rollouts import OneRollout, Rollout, RolloutCommand, RolloutEvents, Rollouts


def name_of(client: AdminClient, given: str | None) -> str:
    """Return the given name, or the name of the only rollout."""
    if given is not None:
        return given
    names = [rollout["name"] for rollout in all_of(client)["rollouts"]]
    if not names:
        raise Failed("the policy has no rollouts")
    if len(names) > 1:
        raise UsageError(
            f"there are several rollouts, name one: {', '.join(names)}", where=client.url
        )
    return str(names[0])


def all_of(client: AdminClient) -> Rollouts:
    try:
        rollouts: Rollouts = client.get("rollouts")
    except Refused as error:
        if error.status == 404:
            raise Failed(f"{client.url} is an older router, without rollouts") from None
        raise
    return rollouts


def one_of(client: AdminClient, name: str) -> OneRollout:
    """`{"at": …, "rollout": …}`."""
    try:
        page: OneRollout = client.get(_page(name))
    except Refused as error:
        raise _unknown(client, name, error) from None
    return page


def events_of(client: AdminClient, name: str, limit: int) -> RolloutEvents:
    try:
        events: RolloutEvents = client.get(f"{_page(name)}/history", limit=str(limit))
    except Refused as error:
        raise _unknown(client, name, error) from None
    return events


def act(client: AdminClient, name: str, action: str, command: RolloutCommand) -> Rollout:
    """Perform the action. Returns the rollout after it."""
    try:
        rollout: Rollout = client.post(f"{_page(name)}/{action}", command)
    except Refused as error:
        raise _unknown(client, name, error) from None
    return rollout


def _page(name: str) -> str:
    return f"rollouts/{quote(name, safe='')}"


def _unknown(client: AdminClient, name: str, error: Refused) -> Failed:
    """Return the refusal, or an error with the known names if the name is unknown."""
    if error.status != 404:
        return error
    names = [rollout["name"] for rollout in all_of(client)["rollouts"]]
    if not names:
        return Failed(f"there is no rollout {name[:80]}: the policy has none")
    nearest = get_close_matches(name, names, n=1)
    hint = f"did you mean {nearest[0]}?" if nearest else f"there are {', '.join(names)}"
    return Failed(f"there is no rollout {name[:80]}", where=client.url, hint=hint)
