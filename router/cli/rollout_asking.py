"""What commands ask a router about rollouts, and which one they mean.

A router that does not know a rollout is asked which ones it has, so that the nearest name
can be suggested; one that does not even know the page is told to be too old.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any
from urllib.parse import quote

from router.api.client import Client, Refused
from router.cli.rollout_texts import Told
from router.terminal.errors import Failed, UsageError


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


def all_of(client: Client) -> dict[str, Any]:
    try:
        told: dict[str, Any] = client.get("rollouts")
    except Refused as error:
        if error.status == 404:
            raise Failed(f"{client.url} knows no rollouts: it is an older router") from None
        raise
    return told


def one_of(client: Client, name: str) -> dict[str, Any]:
    """`{"at": …, "rollout": …}`."""
    try:
        told: dict[str, Any] = client.get(_page(name))
    except Refused as error:
        raise _unknown(client, name, error) from None
    return told


def events_of(client: Client, name: str, limit: int) -> dict[str, Any]:
    try:
        told: dict[str, Any] = client.get(f"{_page(name)}/history", limit=str(limit))
    except Refused as error:
        raise _unknown(client, name, error) from None
    return told


def act(client: Client, name: str, action: str, asked: dict[str, Any]) -> Told:
    """The rollout as it is then."""
    try:
        told: Told = client.post(f"{_page(name)}/{action}", asked)
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
