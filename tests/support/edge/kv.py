"""The KV of a running router, to read and write beside it, at once."""

from __future__ import annotations

from router.dev.layout import Layout, find_root
from router.dev.local_kv import LocalKv
from tests.support.edge.router import HERE, Edge


def kv_of(edge: Edge) -> LocalKv:
    return LocalKv(Layout(find_root(HERE)), edge.state)
