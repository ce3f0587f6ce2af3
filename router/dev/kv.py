"""Workers KV from the command line, through wrangler: its login, its local storage.

`wrangler kv` writes to local storage unless told otherwise; here the place is always
told, to wrangler and to people.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from router.dev.layout import Layout, SetupError
from router.dev.process import ANSI
from router.dev.wrangler import command, environment, last_error

BINDING = "POLICIES"
MISSING = "404: Not Found"  # what it says of Cloudflare's KV
NO_LOGIN = "necessary to set a CLOUDFLARE_API_TOKEN"
NOT_FOUND = b"Value not found"  # what wrangler prints instead of a value, with exit code 0


class WranglerKv:
    """The KV namespace behind `POLICIES`: Cloudflare's with `persist_to` None, else the
    local one that `wrangler dev --persist-to` uses."""

    def __init__(self, layout: Layout, persist_to: Path | None) -> None:
        self._layout = layout
        self._persist_to = persist_to

    @property
    def place(self) -> str:
        """Where this is, for people."""
        if self._persist_to:
            return f"local KV in {self._persist_to}"
        config = self._layout.read_toml(self._layout.wrangler_toml)
        ids = [
            each.get("id") for each in config.get("kv_namespaces", ()) if each["binding"] == BINDING
        ]
        return f"Cloudflare KV, namespace {ids[0] if ids else BINDING}"

    def put(self, key: str, value: bytes, metadata: Mapping[str, str] | None = None) -> None:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "value"
            path.write_bytes(value)
            told = ["--metadata", json.dumps(metadata)] if metadata else []
            done = self._run("put", key, "--path", str(path), *told)
        if done.returncode:
            raise SetupError(f"cannot write {key} to {self.place}: {_reason(done)}")

    def get(self, key: str) -> bytes | None:
        """The value, None if there is none."""
        done = self._run("get", key)
        reason = _reason(done) if done.returncode else ""
        if reason and not reason.endswith(MISSING):
            raise SetupError(f"cannot read {key} from {self.place}: {reason}")
        return None if reason or done.stdout.strip() == NOT_FOUND else done.stdout

    def _run(self, verb: str, key: str, *more: str) -> subprocess.CompletedProcess[bytes]:
        where = (
            ["--local", "--persist-to", str(self._persist_to)] if self._persist_to else ["--remote"]
        )
        layout = self._layout
        args = ["kv", "key", verb, key, *more, "--binding", BINDING, *where]
        return subprocess.run(
            command(layout, [*args, "--config", str(layout.wrangler_toml)]),
            cwd=layout.root,
            env=environment(layout, layout.build / "wrangler", None),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    reason = last_error(ANSI.sub("", (done.stdout + done.stderr).decode("utf-8", "replace")))
    if NO_LOGIN in reason:
        return "you are not logged in: run `npx wrangler login`, or set CLOUDFLARE_API_TOKEN"
    return reason
