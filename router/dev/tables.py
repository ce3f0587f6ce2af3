"""The tables of the agent's queue in the local database, made by wrangler from its migrations."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path

from agent import config
from router.dev.files import write_if_changed
from router.dev.layout import Layout, SetupError
from router.dev.wrangler import last_error, wrangler

QUEUE = "JOBS"


def migrate(layout: Layout, configs: Collection[Path], state: Path) -> bool:
    """Make the tables of the queue in `state`, if they are not there; whether that had to be."""
    if not configs:
        return False
    files = b"".join(path.read_bytes() for path in config.migrations())
    done = state / "agent-migrations"
    digest = hashlib.sha256(files).hexdigest()
    if done.is_file() and done.read_text(encoding="utf-8") == digest:
        return False
    first = next(iter(configs))
    where = ["--local", "--config", str(first), "--persist-to", str(state)]
    ran = wrangler(layout, ["d1", "migrations", "apply", QUEUE, *where])
    if ran.returncode:
        raise SetupError(f"the agent's tables: {last_error(ran.stdout + ran.stderr)}")
    write_if_changed(done, digest.encode())
    return True
