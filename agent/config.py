"""The wrangler configurations of all variants, from one source, `variants.toml`.

`python -m agent.config DIR` writes `DIR/<variant>/wrangler.json`, and beside it the code in
`upload/`, which is all that wrangler uploads, and the tables of the databases in `migrations/`.
"""

from __future__ import annotations

import json
import shutil
import sys
import tomllib
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from agent import packages
from workers_runtime.json_text import JsonObject

AGENT = Path(__file__).parent
SHARED_CODE = "workers_runtime"  # beside it, and uploaded whole
VENDORED = ("idna",)  # pure packages that the agent itself imports, from the environment
# Code that the agent does not run itself but loads into isolates: uploaded as a file, `….source`.
HANDED_ON = ("agent/sandbox/guard.js",)
# The rooms of the agent that are uploaded.
PACKAGES = (
    "agents",
    "callbacks",
    "core",
    "edge",
    "queue",
    "records",
    "sandbox",
    "schemas",
    "workers",
)
ENTRY = "from agent.edge.entry import on_fetch, on_scheduled  # noqa: F401\n"
DATE = "2026-11-17"
# The bindings, which are the same for every variant.
SHARED = ("ai", "analytics_engine_datasets", "d1_databases", "kv_namespaces", "worker_loaders")
# Handlers are functions of the entry module; the SDK is the runtime's.
FLAGS = ["python_workers", "disable_python_no_global_handlers", "disable_python_external_sdk"]


def variants() -> dict[str, JsonObject]:
    """Variant to its wrangler configuration."""
    source = tomllib.loads((AGENT / "variants.toml").read_text(encoding="utf-8"))
    shared = {name: source[name] for name in SHARED if name in source}
    return {
        name: _config(source["name"], name, own, source.get("vars", {}), shared)
        for name, own in source["variants"].items()
    }


def _config(
    agent: str,
    variant: str,
    own: dict[str, object],
    variables: dict[str, object],
    shared: dict[str, object],
) -> dict[str, object]:
    placement = {"placement": {"region": own["placement"]}} if "placement" in own else {}
    crons = {"triggers": {"crons": own["crons"]}} if "crons" in own else {}
    return {
        "name": f"{agent}-{variant}",
        "main": "upload/entry.py",
        "compatibility_date": DATE,
        "compatibility_flags": FLAGS,
        # Only the router reaches it: a client that could bypass it could claim any identity.
        "workers_dev": False,
        "preview_urls": False,
        "observability": {"enabled": True},
        "rules": [
            {"type": "ESModule", "globs": ["agent/**/*.js", f"{SHARED_CODE}/**/*.js"]},
            {"type": "Data", "globs": ["agent/**/*.zip", "agent/**/*.source"]},
        ],
        "vars": {**variables, "VARIANT": variant, "REGION": own.get("region", "global")},
        **shared,
        **placement,
        **crons,
    }


def upload(python_packages: Sequence[str] | None = None) -> dict[str, bytes]:
    """Every file of the upload by its path; `python_packages` other than those listed. Raises
    `PackagesError`."""
    listed = packages.wanted() if python_packages is None else python_packages
    archives = packages.archives(listed)
    files: dict[str, bytes] = {f"agent/sandbox/{name}": data for name, data in archives.items()}
    files |= {"entry.py": ENTRY.encode(), "agent/__init__.py": _read(AGENT / "__init__.py")}
    root = AGENT.parent
    for folder in (*(AGENT / package for package in PACKAGES), root / SHARED_CODE):
        for path in _sources(folder):
            name = path.relative_to(root).as_posix()
            files[f"{name}.source" if name in HANDED_ON else name] = _read(path)
    for package in VENDORED:
        folder = _installed(package)
        for path in _sources(folder):
            files[path.relative_to(folder.parent).as_posix()] = _read(path)
    return files


def _installed(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise packages.PackagesError(f"{package} is missing: run `make install`")
    return Path(spec.origin).parent


def migrations() -> list[Path]:
    return sorted((AGENT / "migrations").glob("*.sql"))


def _sources(folder: Path) -> Iterator[Path]:
    """The files that run at the edge, without `__main__.py`."""
    found = (path for path in sorted(folder.rglob("*")) if path.suffix in (".py", ".js"))
    return (path for path in found if path.name != "__main__.py")


def _read(path: Path) -> bytes:
    return path.read_bytes()


def write(target: Path) -> None:
    for name, config in variants().items():
        folder = target / name
        # so that nothing of an earlier version stays in them
        for stale in ("upload", "migrations"):
            shutil.rmtree(folder / stale, ignore_errors=True)
        files = {f"upload/{path}": data for path, data in upload().items()}
        files |= {f"migrations/{path.name}": path.read_bytes() for path in migrations()}
        for path, data in files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        text = json.dumps(config, indent=2) + "\n"
        (folder / "wrangler.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m agent.config DIR")
    try:
        write(Path(sys.argv[1]))
    except packages.PackagesError as error:
        sys.exit(f"agent.config: {error}")
