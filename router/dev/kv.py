"""Workers KV for the commands: the local one, or Cloudflare's.

Both keep bytes under a key, with a little metadata, and say for people where they are.
`router/dev/local_kv.py` has the local one, `router/dev/wrangler_kv.py` Cloudflare's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from router.dev.layout import Layout, SetupError

BINDING = "POLICIES"


class Key(NamedTuple):
    """A key that holds a value; `metadata` is empty if there is none."""

    name: str
    metadata: Mapping[str, Any]


class Kv(Protocol):
    """Failures raise SetupError, in one line."""

    @property
    def place(self) -> str:
        """The name of the place in messages."""

    def get(self, key: str) -> bytes | None:
        """Return the value; None if there is none."""

    def put(self, key: str, value: bytes, metadata: Mapping[str, str] | None = None) -> None: ...

    def list(self, prefix: str) -> Sequence[Key]:
        """Return all keys with that prefix, in order."""


def namespace_id(layout: Layout) -> str:
    """The namespace behind `POLICIES` at Cloudflare."""
    if named := _namespace(layout).get("id"):
        return str(named)
    hint = "write the one that `npx wrangler kv namespace list` shows"
    raise SetupError(f"{layout.config_name} has no id for the KV namespace {BINDING}: {hint}")


def local_namespace_id(layout: Layout) -> str:
    """Return the name that `wrangler dev` uses in local storage."""
    namespace = _namespace(layout)
    return str(namespace.get("preview_id") or namespace.get("id") or BINDING)


def _namespace(layout: Layout) -> Mapping[str, Any]:
    config = layout.config
    namespaces = config.get("kv_namespaces", ())
    return next((each for each in namespaces if each.get("binding") == BINDING), {})


def keys_from(listed: Any) -> list[Key]:
    """From JSON; whoever wrote a value may have given it any metadata."""
    found = []
    for each in listed:
        metadata = each.get("metadata")
        found.append(Key(each["name"], metadata if isinstance(metadata, dict) else {}))
    return found
