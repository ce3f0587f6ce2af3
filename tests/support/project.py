"""A router project of somebody else, with two Workers behind it that know nothing of a router."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

FILES = {
    "api/wrangler.jsonc": """\
{
  // The one that serves today, in JavaScript.
  "name": "shop-api",
  "main": "src/index.js",
  "compatibility_date": "2026-11-17",
}
""",
    "api/src/index.js": """\
export default {
  async fetch(request) {
    return Response.json({ from: "shop-api", path: new URL(request.url).pathname });
  },
};
""",
    "api-next/wrangler.toml": """\
name = "shop-api-next"
main = "src/entry.py"
compatibility_date = "2026-11-17"
compatibility_flags = ["python_workers"]
""",
    "api-next/src/entry.py": """\
from urllib.parse import urlsplit

from workers import Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response.json({"from": "shop-api-next", "path": urlsplit(request.url).path})
""",
    "router/routes.yaml": """\
version: 1
variants:
  production: {binding: API, pool: production}
  canary: {binding: API_NEXT, pool: canary}
  spare: {binding: SPARE, pool: spare}
routes:
  - {name: next, split: {canary: 1}, matches: [{path: {prefix: /next}}]}
  - {name: spare, split: {spare: 1}, matches: [{path: {prefix: /spare}}]}
  - {name: all, split: {production: 1}}
""",
    "router/router.toml": """\
[dev]
workers = ["../api", "../api-next/wrangler.toml"]
""",
    "router/wrangler.toml": """\
name = "shop-router"
main = "build/upload/entry.py"
compatibility_date = "2026-11-17"
compatibility_flags = ["python_workers", "disable_python_no_global_handlers"]

[build]
command = "router stage"

[[rules]]
type = "ESModule"
globs = ["router/**/*.js", "workers_runtime/**/*.js"]

[[kv_namespaces]]
binding = "POLICIES"
id = "0123456789abcdef0123456789abcdef"

[[durable_objects.bindings]]
name = "ROUTER_LIMITER"
class_name = "Limiter"

[[durable_objects.bindings]]
name = "ROUTER_COORDINATOR"
class_name = "Coordinator"

[[migrations]]
tag = "limiter"
new_sqlite_classes = ["Limiter"]

[[migrations]]
tag = "coordinator"
new_sqlite_classes = ["Coordinator"]

[[services]]
binding = "API"
service = "shop-api"

[[services]]
binding = "API_NEXT"
service = "shop-api-next"

[[services]]
binding = "SPARE"
service = "shop-elsewhere"
""",
}


def write_project(folder: Path) -> Path:
    """Return the folder of the router; its Workers stand beside it."""
    return _write(folder, FILES)


def write_workers(folder: Path) -> Path:
    """Return the folder in which there will be a router; only the Workers are there."""
    return _write(folder, {name: FILES[name] for name in FILES if not name.startswith("router/")})


def _write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "router"
