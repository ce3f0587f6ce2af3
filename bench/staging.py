"""Builds Workers to measure from files, with the router's own settings, packages and date."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from router.dev.config import LOCAL_FLAGS
from router.dev.files import mirror
from router.dev.layout import Layout
from router.dev.stage import upload
from router.dev.workerd import WorkerdWorker, python_modules


def folder_of(layout: Layout, name: str) -> Path:
    """Return the folder of one measured server."""
    folder = layout.build / "bench" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def javascript(layout: Layout, name: str, path: Path) -> WorkerdWorker:
    date = layout.config["compatibility_date"]
    return WorkerdWorker(name, {path.name: path}, date)


def python(layout: Layout, name: str, folder: Path) -> WorkerdWorker:
    """The Python Worker in `folder`; `entry.py` is its main module."""
    settings = layout.config
    flags = [*settings["compatibility_flags"], *LOCAL_FLAGS]
    modules = python_modules(layout, folder)
    return WorkerdWorker(name, modules, settings["compatibility_date"], flags)


def stage_edge(
    layout: Layout,
    target: Path,
    more: Mapping[str, bytes] | None = None,
    policy: Path | None = None,
) -> None:
    """Write the router's upload to `target`: with `policy` or the example, and with `more` files,
    which replace those of the same name."""
    files = upload(layout.root, policy or layout.root / "routes.yaml")
    mirror({**files, **(more or {})}, target)
