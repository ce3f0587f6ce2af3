"""Cloudflare's Workers KV from the command line, through wrangler and with its login.

`wrangler kv` writes to local storage unless told otherwise; here it is always told. Each
call is a process of its own and takes seconds.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from router.dev.kv import BINDING, Key, keys_from, namespace_id
from router.dev.layout import Layout, SetupError
from router.dev.process import ANSI
from router.dev.wrangler import last_error, wrangler_bytes

MISSING = "404: Not Found"
NO_LOGIN = "necessary to set a CLOUDFLARE_API_TOKEN"


class WranglerKv:
    """The KV namespace behind `POLICIES` at Cloudflare."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    @property
    def place(self) -> str:
        return f"Cloudflare KV, namespace {namespace_id(self._layout)}"

    def put(self, key: str, value: bytes, metadata: Mapping[str, str] | None = None) -> None:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "value"
            path.write_bytes(value)
            told = ["--metadata", json.dumps(metadata)] if metadata else []
            done = self._run("put", key, "--path", str(path), *told)
        if done.returncode:
            raise SetupError(f"cannot write {key} to {self.place}: {_reason(done)}")

    def get(self, key: str) -> bytes | None:
        done = self._run("get", key)
        reason = _reason(done) if done.returncode else ""
        if reason and not reason.endswith(MISSING):
            raise SetupError(f"cannot read {key} from {self.place}: {reason}")
        return None if reason else done.stdout

    def list(self, prefix: str) -> tuple[Key, ...]:
        done = self._run("list", "--prefix", prefix)
        try:
            if done.returncode == 0:
                return tuple(keys_from(json.loads(done.stdout)))
        except ValueError:
            pass  # what it said instead is the reason
        raise SetupError(f"cannot list {prefix} of {self.place}: {_reason(done)}")

    def _run(self, verb: str, *args: str) -> subprocess.CompletedProcess[bytes]:
        layout = self._layout
        told = ["kv", "key", verb, *args, "--binding", BINDING, "--preview=false", "--remote"]
        told += ["--config", str(layout.config_file), f"--env={layout.env}"]
        return wrangler_bytes(layout, told)


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    reason = last_error(ANSI.sub("", (done.stdout + done.stderr).decode("utf-8", "replace")))
    if NO_LOGIN in reason:
        return "you are not logged in: run `npx wrangler login`, or set CLOUDFLARE_API_TOKEN"
    return reason
