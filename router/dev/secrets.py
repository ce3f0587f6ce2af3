"""The Worker's secrets locally: `.dev.vars` beside wrangler.toml, and the shell's variables.

Of an environment it is `.dev.vars.staging`, as for wrangler; without that file `.dev.vars`. The
shell's variables beat the file. Together they stand in the server's own folder under
`build/`, readable by their owner alone, and are shown nowhere.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

from router.dev.files import write_if_changed
from router.dev.layout import SetupError

FROM_ENVIRONMENT = ("ROUTER_ADMIN_KEY", "ROUTER_KEY_PEPPER")
QUOTES = ("'", "`", '"')
PREFIX = "fwr_"  # so that scanners and people recognise a key
KEY_BYTES = 32  # 256 random bits cannot be guessed, so a plain hash is enough


def new_key() -> str:
    """A new API key, or admin key."""
    return PREFIX + secrets.token_urlsafe(KEY_BYTES)


def dev_vars(file: str, environment: Mapping[str, str]) -> str:
    """Return wrangler's file of variables with those of the environment added: a later line
    overrides an earlier one."""
    lines = [file.rstrip("\n")] if file.strip() else []
    for name in FROM_ENVIRONMENT:
        value = environment.get(name)
        if value:
            lines.append(f"{name}={quoted(name, value)}")
    return "".join(f"{line}\n" for line in lines)


def quoted(name: str, value: str) -> str:
    """In quotes that the value itself does not use: the format knows no escapes."""
    for quote in QUOTES:
        # Inside double quotes a backslash would begin one after all.
        if quote not in value and not (quote == '"' and "\\" in value):
            return f"{quote}{value}{quote}"
    raise SetupError(f"{name} holds every kind of quote, which .dev.vars cannot express")


def write_secrets(root: Path, folder: Path, environment: Mapping[str, str], env: str = "") -> None:
    own = root / f".dev.vars.{env}"
    source = own if env and own.is_file() else root / ".dev.vars"
    file = source.read_text(encoding="utf-8") if source.is_file() else ""
    write_if_changed(folder / ".dev.vars", dev_vars(file, environment).encode(), mode=0o600)
