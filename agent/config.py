"""The wrangler configurations of all variants, from one source, `variants.toml`.

`python -m agent.config DIR` writes `DIR/<variant>/wrangler.json`, and the code beside it in
`DIR/<variant>/upload/`: what wrangler uploads is that folder, and nothing else.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

AGENT = Path(__file__).parent
PACKAGES = ("core", "edge", "queue", "records")  # of the agent, that are uploaded
ENTRY = "from agent.edge.entry import on_fetch  # noqa: F401\n"
DATE = "2026-11-17"
FLAGS = ["python_workers", "disable_python_no_global_handlers"]


def variants() -> dict[str, dict[str, Any]]:
    """Variant to its wrangler configuration."""
    source = tomllib.loads((AGENT / "variants.toml").read_text(encoding="utf-8"))
    return {name: _config(source["name"], name, own) for name, own in source["variants"].items()}


def _config(agent: str, variant: str, own: dict[str, Any]) -> dict[str, Any]:
    placement = {"placement": {"region": own["placement"]}} if "placement" in own else {}
    return {
        "name": f"{agent}-{variant}",
        "main": "upload/entry.py",
        "compatibility_date": DATE,
        "compatibility_flags": FLAGS,
        "rules": [{"type": "ESModule", "globs": ["agent/**/*.js"]}],
        "vars": {"VARIANT": variant, "REGION": own.get("region", "global")},
        **placement,
    }


def upload() -> dict[str, bytes]:
    """Every file of the upload by its path."""
    files = {"entry.py": ENTRY.encode(), "agent/__init__.py": _read(AGENT / "__init__.py")}
    for package in PACKAGES:
        for path in _sources(AGENT / package):
            files[f"agent/{path.relative_to(AGENT).as_posix()}"] = _read(path)
    return files


def _sources(folder: Path) -> Iterator[Path]:
    return (each for each in sorted(folder.rglob("*")) if each.suffix in (".py", ".js"))


def _read(path: Path) -> bytes:
    return path.read_bytes()


def write(target: Path) -> None:
    for name, config in variants().items():
        folder = target / name
        for path, data in upload().items():
            file = folder / "upload" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        text = json.dumps(config, indent=2) + "\n"
        (folder / "wrangler.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m agent.config DIR")
    write(Path(sys.argv[1]))
