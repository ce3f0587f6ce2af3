"""The agent's variants on this machine: their configurations as production has them, but for what
needs Cloudflare.

workerd reads its Python from our bundle; Workers AI is a stand-in, which says so; nothing
triggers crons, so `ENVIRONMENT` is `development`, where requests do; and callbacks may go to
this machine. All variants share one database here, as they do there.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from agent import config
from router.dev.files import mirror, write_if_changed
from router.dev.layout import Layout
from router.dev.local import LOCAL_FLAGS, write_json
from router.dev.secrets import secrets_of

AI_NAME, AI_ENTRYPOINT = "fiberwise-ai-stand-in", "AI"
AI_SCRIPT = Path(config.__file__).parent / "local" / "ai.js"
LOCAL_VARS = {
    "ENVIRONMENT": "development",
    "CALLBACK_HOSTS": "localhost 127.0.0.1",
    "TENANT_RUNNING": "1",  # one thread runs all here
}
SECRETS = ("CALLBACK_SECRET",)


def agent_names() -> dict[str, str]:
    """The Workers that the variants are, by their names: which variant each is."""
    return {own["name"]: variant for variant, own in config.variants().items()}


def write_agents(layout: Layout, folder: Path, workers: Collection[str]) -> list[Path]:
    """The configurations of these Workers, and of the stand-in that they share."""
    if not workers:
        return []
    paths = [_write_agent(layout, folder / "agents", own) for own in _chosen(workers)]
    stand_in = folder / "ai" / "ai.json"
    date = config.DATE
    write_json(
        stand_in,
        {"name": AI_NAME, "main": "ai.js", "compatibility_date": date, "no_bundle": True},
    )
    write_if_changed(stand_in.with_name("ai.js"), AI_SCRIPT.read_bytes())
    return [*paths, stand_in]


def local_config(own: dict[str, Any]) -> dict[str, Any]:
    """A variant's configuration as it runs here."""
    services = [{"binding": "AI", "service": AI_NAME, "entrypoint": AI_ENTRYPOINT}]
    return {
        **{name: value for name, value in own.items() if name not in ("ai", "placement")},
        "compatibility_flags": [*own["compatibility_flags"], *LOCAL_FLAGS],
        "vars": {**own["vars"], **LOCAL_VARS},
        "services": services,
    }


def _chosen(workers: Collection[str]) -> list[dict[str, Any]]:
    return [own for own in config.variants().values() if own["name"] in workers]


def _write_agent(layout: Layout, folder: Path, own: dict[str, Any]) -> Path:
    target: Path = folder / own["name"]
    path = target / "wrangler.json"
    mirror(config.upload(), target / "upload")
    mirror({path.name: path.read_bytes() for path in config.migrations()}, target / "migrations")
    write_json(path, local_config(own))
    write_if_changed(target / ".dev.vars", secrets_of(layout.root, SECRETS).encode(), mode=0o600)
    return path
