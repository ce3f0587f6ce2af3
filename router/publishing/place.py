"""Where policies are published: a KV, and the base of this clone for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from router.dev.kv import Kv, namespace_id
from router.dev.layout import Layout
from router.dev.local_kv import LocalKv
from router.dev.wrangler_kv import WranglerKv
from router.publishing.base import Base, base_at_cloudflare, base_in_local_kv

# How long concurrent pushes need until all have written: at Cloudflare, a write is a process of
# wrangler.
SETTLE_LOCAL_S = 2.0
SETTLE_REMOTE_S = 10.0


class Place(NamedTuple):
    """`deployed`: the file with the policy that was last deployed from here, if that is kept."""

    kv: Kv
    base: Base
    settle_s: float
    deployed: Path | None = None


@contextmanager
def local_place(layout: Layout, persist_to: Path) -> Iterator[Place]:
    with LocalKv(layout, persist_to) as kv:
        yield Place(kv, base_in_local_kv(layout.root, layout.env, persist_to), SETTLE_LOCAL_S)


def remote_place(layout: Layout) -> Place:
    base = base_at_cloudflare(layout.root, namespace_id(layout))
    return Place(WranglerKv(layout), base, SETTLE_REMOTE_S, deployed_file(layout))


def deployed_file(layout: Layout) -> Path:
    """For one KV, as the base is."""
    base = base_at_cloudflare(layout.root, namespace_id(layout)).path
    return base.with_name(base.name.replace("base-", "deployed-", 1))
