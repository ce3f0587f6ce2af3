"""What commands ask a router about rollouts, and which one they mean.

A router that does not know a rollout is asked which ones it has, so that the nearest name
can be suggested; one that does not even know the page is told to be too old.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING
from urllib.parse import quote

from router.api.client import Client, Refused
from router.terminal.errors import Failed, UsageError

if TYPE_CHECKING:
    from policies.api.rollouts import OneRollout, Rollout, RolloutCommand, RolloutEvents, Rollouts


def name_of(client: Client, given: str | None) -> str:
    """The rollout that is meant; without a name the only one."""
    if given is not None:
        return given
    names = [told["name"] for told in all_of(client)["rollouts"]]
    if not names:
        raise Failed("the policy has no rollouts")
    if len(names) > 1:
        raise UsageError(f"name one of the rollouts: {', '.join(names)}")
    return str(names[0])


def all_of(client: Client) -> Rollouts:
    try:
        told: Rollouts = client.get("rollouts")
    except Refused as error:
        if error.status == 404:
            raise Failed(f"{client.url} knows no rollouts: it is an older router") from None
        raise
    return told


def one_of(client: Client, name: str) -> OneRollout:
    """`{"at": …, "rollout": …}`."""
    try:
        told: OneRollout = client.get(_page(name))
    except Refused as error:
        raise _unknown(client, name, error) from None
    return told


def events_of(client: Client, name: str, limit: int) -> RolloutEvents:
    try:
        told: RolloutEvents = client.get(f"{_page(name)}/history", limit=str(limit))
    except Refused as error:
        raise _unknown(client, name, error) from None
    return told


def act(client: Client, name: str, action: str, asked: RolloutCommand) -> Rollout:
    """The rollout as it is then."""
    try:
        told: Rollout = client.post(f"{_page(name)}/{action}", asked)
    except Refused as error:
        raise _unknown(client, name, error) from None
    return told


def _page(name: str) -> str:
    return f"rollouts/{quote(name, safe='')}"


def _unknown(client: Client, name: str, error: Refused) -> Failed:
    """The refusal, or, if the name is not known, the names that are."""
    if error.status != 404:
        return error
    names = [told["name"] for told in all_of(client)["rollouts"]]
    if not names:
        return Failed(f"there is no rollout {name[:80]}: the policy has none")
    nearest = get_close_matches(name, names, n=1)
    hint = f"did you mean {nearest[0]}?" if nearest else f"there are {', '.join(names)}"
    return Failed(f"there is no rollout {name[:80]}: {hint}")
