"""The tables of Workers' D1 databases here, made by wrangler from their migrations.

Only for databases whose configuration says `migrations_dir`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from pathlib import Path

from policies.basics.untyped import JsonObject
from router.dev.errors import SetupError
from router.dev.files import write_if_changed
from router.dev.layout import Layout
from router.dev.prepare import step
from router.dev.wrangler import last_error, wrangler
from router.dev.wrangler_config import read_config


def migrate(layout: Layout, configs: Collection[Path], state: Path) -> None:
    """Make the tables of each database in `state` that are not there; Workers may share one."""
    seen: set[str] = set()
    for config in configs:
        for database in read_config(config).get("d1_databases", ()):
            name = str(database.get("database_id") or database["binding"])
            files = _migrations(config, database)
            if name not in seen and files:
                seen.add(name)
                _migrate(layout, config, str(database["binding"]), files, _stamp(state, name))


def _migrations(config: Path, database: JsonObject) -> list[Path]:
    folder = database.get("migrations_dir")
    return sorted((config.parent / folder).glob("*.sql")) if folder else []


def _stamp(state: Path, name: str) -> Path:
    return state / "migrations" / re.sub(r"[^0-9A-Za-z_-]", "_", name)


def _migrate(layout: Layout, config: Path, binding: str, files: list[Path], stamp: Path) -> None:
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == digest:
        return
    where = ["--local", "--config", str(config), "--persist-to", str(stamp.parents[1])]
    with step("d1", f"tables of {binding}"):
        ran = wrangler(layout, ["d1", "migrations", "apply", binding, *where])
        if ran.returncode:
            why = last_error(ran.stdout + ran.stderr)
            raise SetupError(f"the tables of {binding} ({config}): {why}")
        write_if_changed(stamp, digest.encode())
