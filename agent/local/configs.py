"""The configurations of the variants as they run on this machine."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from agent import config
from workers_runtime.json_text import JsonObject

AI_NAME, AI_ENTRYPOINT = "fiberwise-ai-stand-in", "AI"
AI_SCRIPT = Path(__file__).with_name("ai.js")
LOCAL_VARS = {
    "ENVIRONMENT": "development",
    "CALLBACK_HOSTS": "localhost 127.0.0.1",
    "TENANT_RUNNING": "1",  # one thread runs all here
}
SECRETS = ("CALLBACK_SECRET",)


def write_all(folder: Path, dev_vars: Path) -> None:
    """All variants, and the stand-in; their secrets are those of the file `dev_vars`."""
    upload = config.upload()
    secrets = secrets_of(dev_vars, SECRETS)
    for own in config.variants().values():
        files = {f"upload/{name}": data for name, data in upload.items()}
        files |= {f"migrations/{path.name}": path.read_bytes() for path in config.migrations()}
        _write(folder / own["name"], files, local_config(own))
        place = folder / own["name"] / ".dev.vars"
        place.touch(mode=0o600)
        place.write_text(secrets, encoding="utf-8")
    stand_in = {"name": AI_NAME, "main": "ai.js", "compatibility_date": config.DATE}
    _write(folder / AI_NAME, {"ai.js": AI_SCRIPT.read_bytes()}, {**stand_in, "no_bundle": True})


def local_config(own: JsonObject) -> JsonObject:
    """A variant's configuration, with what this machine has in place of Cloudflare."""
    services = [{"binding": "AI", "service": AI_NAME, "entrypoint": AI_ENTRYPOINT}]
    return {
        **{name: value for name, value in own.items() if name not in ("ai", "placement")},
        "vars": {**own["vars"], **LOCAL_VARS},
        "services": services,
    }


def secrets_of(dev_vars: Path, names: Collection[str]) -> str:
    """The lines of `.dev.vars` that give these."""
    file = dev_vars.read_text(encoding="utf-8") if dev_vars.is_file() else ""
    kept = [line for line in file.splitlines() if line.partition("=")[0].strip() in names]
    return "".join(f"{line}\n" for line in kept)


def _write(folder: Path, files: dict[str, bytes], settings: JsonObject) -> None:
    text = json.dumps(settings, indent=2) + "\n"
    for name, data in {**files, "wrangler.json": text.encode()}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
