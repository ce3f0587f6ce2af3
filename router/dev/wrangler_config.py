"""wrangler's configuration of a Worker: found, read and seen for one environment.

1. The file is `wrangler.json`, `wrangler.jsonc` or `wrangler.toml`, in wrangler's order.
2. An environment (`[env.staging]`) takes over what it does not say itself, except the bindings and
   variables of NOT_INHERITED, which it must repeat.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any

from router.dev.errors import SetupError

FILES = ("wrangler.json", "wrangler.jsonc", "wrangler.toml")
NOT_INHERITED = (
    *("agent_memory", "ai", "ai_search", "ai_search_namespaces", "analytics", "artifacts"),
    *("analytics_engine_datasets", "browser", "cloudchamber", "connect", "containers"),
    *("d1_databases", "define", "dispatch_namespaces", "durable_objects", "flagship"),
    *("hyperdrive", "images", "k2", "kv_namespaces", "media", "mtls_certificates", "pipelines"),
    *("queues", "r2_buckets", "ratelimits", "secrets", "secrets_store_secrets", "send_email"),
    *("services", "stream", "streaming_tail_consumers", "tail_consumers", "unsafe"),
    *("unsafe_hello_world", "vars", "vectorize", "version_metadata", "vpc_networks"),
    *("vpc_services", "worker_loaders", "workflows"),
)
# What reads these settings relies on their shapes.
LISTS = ("d1_databases", "hyperdrive", "kv_namespaces", "migrations", "rules", "services")
TABLES = ("build", "durable_objects", "vars")
# A string, or a comment, or a comma before the end of a list or an object.
_JSONC = re.compile(r'("(?:[^"\\\n]|\\.)*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_TRAILING = re.compile(r'("(?:[^"\\\n]|\\.)*")|,(?=\s*[\]}])')


def config_in(folder: Path) -> Path | None:
    """The configuration that wrangler reads in this folder; None without one."""
    return next((folder / name for name in FILES if os.path.isfile(folder / name)), None)


def read_config(path: Path) -> dict[str, Any]:
    """Raises SetupError, with the place, unless the file holds a table."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        value = tomllib.loads(text) if path.suffix == ".toml" else json.loads(_plain(text))
    except OSError as error:
        raise SetupError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise SetupError(f"{path} cannot be read: {error}") from None
    if not isinstance(value, dict):
        raise SetupError(f"{path} holds no object: write the Worker's settings in {{ }}")
    _check_shapes(value, path, "")
    return value


def for_environment(config: dict[str, Any], env: str, path: Path) -> dict[str, Any]:
    """The configuration that wrangler deploys with `--env ENV`; "": the top level."""
    if not env:
        return {name: value for name, value in config.items() if name != "env"}
    known = environments(config)
    own = known.get(env)
    if not isinstance(own, dict):
        named = ", ".join(known) or "none"
        raise SetupError(f"{path.name} has no environment {env} (it has: {named}): add [env.{env}]")
    _check_shapes(own, path, f"env.{env}.")
    shared = {
        name: value for name, value in config.items() if name not in NOT_INHERITED and name != "env"
    }
    named_after = {"name": f"{config['name']}-{env}"} if "name" in config else {}
    return {**shared, **named_after, **own}


def environments(config: dict[str, Any]) -> dict[str, Any]:
    """The environments by name."""
    known = config.get("env")
    return known if isinstance(known, dict) else {}


def _check_shapes(config: dict[str, Any], path: Path, prefix: str) -> None:
    """Raise SetupError for a setting that is no table, or no list of tables."""
    for name in TABLES:
        if not isinstance(config.get(name, {}), dict):
            raise SetupError(f"{path}: {prefix}{name} is no table: write `[{prefix}{name}]`")
    for name in LISTS:
        if not _is_list_of_tables(config.get(name, [])):
            hint = f"write `[[{prefix}{name}]]`, in JSON `[{{ … }}]`"
            raise SetupError(f"{path}: {prefix}{name} is no list of tables: {hint}")
    if not _is_list_of_tables(config.get("durable_objects", {}).get("bindings", [])):
        hint = f"write `[[{prefix}durable_objects.bindings]]`"
        raise SetupError(f"{path}: {prefix}durable_objects.bindings is no list of tables: {hint}")
    for service in config.get("services", ()):
        if not all(isinstance(service.get(name), str) for name in ("binding", "service")):
            hint = "write `binding` and `service`, each with a name"
            raise SetupError(f"{path}: an entry of {prefix}services is not whole: {hint}")


def _is_list_of_tables(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(entry, dict) for entry in value)


def _plain(text: str) -> str:
    """JSON with comments and trailing commas as JSON; lines and columns stay."""
    without = _JSONC.sub(lambda found: found[1] or re.sub(r"[^\n]", " ", found[0]), text)
    return _TRAILING.sub(lambda found: found[1] or " ", without)
