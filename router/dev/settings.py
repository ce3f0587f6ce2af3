"""`router.toml`, beside the router's wrangler configuration: what wrangler's has no place for.

url = "https://router.example.com"            # where the router answers
[env.staging]
url = "https://router-staging.example.com"    # where that environment's does
[dev]                                         # what `router dev` runs (`workers.py`)
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from router.dev.errors import SetupError

SETTINGS = "router.toml"
FIELDS = {"url", "env", "dev"}
EXAMPLE = 'url = "https://router.example.com"'


def read_settings(root: Path) -> dict[str, Any]:
    """The whole file; without it: nothing."""
    path = root / SETTINGS
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, ValueError) as error:
        raise SetupError(f"{path} cannot be read: {error}") from None
    for name in sorted(settings.keys() - FIELDS):
        raise SetupError(f"{path} has no field `{name}`: it takes `url`, `[env.NAME]` and `[dev]`")
    return settings


def router_url(root: Path, env: str) -> str:
    """Where the router of an environment answers; "" if the file does not say."""
    settings = read_settings(root)
    if env:
        environments = settings.get("env", {})
        known = environments if isinstance(environments, dict) else {}
        settings = known.get(env, {})
        if not isinstance(settings, dict) or settings.keys() - {"url"}:
            raise SetupError(f"{root / SETTINGS}: [env.{env}] takes `{EXAMPLE}` only")
    url = settings.get("url", "")
    if not isinstance(url, str):
        raise SetupError(f"{root / SETTINGS}: url is no text: write `{EXAMPLE}`")
    return url
