"""A clone in miniature, for what is built from a clone's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.dev.kit import Kit
from router.dev.layout import Layout

WRANGLER_TOML = """
name = "miniature"
main = "build/upload/entry.py"
compatibility_date = "2026-11-17"
compatibility_flags = ["python_workers"]

[build]
command = "python -m router.dev.stage"

[[kv_namespaces]]
binding = "POLICIES"
id = "00000000000000000000000000000000"

[[services]]
binding = "MAIN"
service = "agent-main"
"""

POLICY = """
version: 1 # ü
variants:
  main:
    binding: MAIN
    pool: production
routes:
  - name: everything
    split:
      production: 100
"""

FILES = {
    "wrangler.toml": WRANGLER_TOML,
    "routes.yaml": POLICY,
    "policies/__init__.py": "",
    "policies/routing/__init__.py": "",
    "policies/routing/match.py": "MATCH = 1\n",
    "policies/schema.json": "{}",
    "policies/routing/__pycache__/match.cpython-311.pyc": "",
    "router/__init__.py": "",
    "router/edge/__init__.py": "",
    "router/edge/entry.py": "def on_fetch(request, env, ctx): ...\n",
    "router/cli/__init__.py": "",
    "router/cli/main.py": "",
    "router/dev/__init__.py": "",
    "router/dev/server.py": "",
    "tests/test_match.py": "",
    ".dev.vars": "ROUTER_ADMIN_KEY=file\nOTHER=kept\n",
}


@pytest.fixture
def clone(tmp_path: Path) -> Layout:
    for name, text in FILES.items():
        path = tmp_path / "clone" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    root = tmp_path / "clone"
    return Layout(root, Kit(root, root, is_clone=True))
