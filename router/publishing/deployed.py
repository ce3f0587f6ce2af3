"""The policy that serves while KV holds none: the one that was uploaded with the Worker.

The running router tells it. Without one that answers, it is what `router deploy` last uploaded from
this clone for the same KV; it is kept in `.router/`. So the first push has a base, a difference and
a way back like any other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from policies.language.load import digest_of
from router.api.client import AdminClient
from router.dev.files import write_if_changed
from router.edge.isolate.keys import LAST_GOOD_KEY
from router.publishing.edge import Edge
from router.publishing.place import Place
from router.publishing.published import Published, read
from router.terminal.errors import Failed

BUNDLED = "bundled"  # the source of the policy that was uploaded, as the router tells it


def read_with_deployed(place: Place, edge: Edge) -> Published:
    """What KV holds, and if that is no policy, what serves in its place."""
    seen = read(place.kv)
    if seen.data is not None:
        return seen
    data = place.kv.get(LAST_GOOD_KEY)  # isolates take it before the uploaded one
    if data is None and edge.client is not None:
        data = _told(edge.client)
    if data is None and edge.client is None:
        data = _recorded(place.deployed)
    return seen if data is None else replace(seen, deployed=data)


def record(place: Path, data: bytes, warn: Callable[[str], None]) -> None:
    """Keep what was deployed. Only warns on failure: the deployment itself has succeeded."""
    try:
        write_if_changed(place, data)
    except OSError as error:
        warn(f"cannot write what was deployed to {place}: {error.strerror}")


def _told(client: AdminClient) -> bytes | None:
    try:
        page: dict[str, Any] = client.get("policy")
    except Failed:  # an older router does not tell it
        return None
    if page.get("source") != BUNDLED:
        return None
    data = str(page.get("text", "")).encode()
    if digest_of(data) != page.get("digest"):
        raise Failed(f"{client.url} does not tell the policy that it was deployed with")
    return data


def _recorded(path: Path | None) -> bytes | None:
    try:
        return path.read_bytes() if path is not None else None
    except OSError:
        return None
