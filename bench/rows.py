"""What is measured side by side: one entry for each row of the table.

A row is a name, which never changes, and the Workers it consists of, the one that takes
the requests first. All of them forward to the same Worker that answers at once.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from bench.staging import javascript, python, stage_edge
from policies.language.load import load
from router.dev.config import write_configs
from router.dev.files import mirror
from router.dev.layout import Layout, SetupError
from router.dev.workerd import WorkerdWorker, router_workers, service

WORKERS = Path(__file__).with_name("workers")
BACKEND = "backend"
TO_BACKEND = {"BACKEND": service(BACKEND)}


@dataclass(frozen=True, slots=True)
class Row:
    """`workers` builds what is needed in a folder; `regions`: the row decides by region."""

    name: str
    workers: Callable[[Layout, Path], list[WorkerdWorker]]
    regions: bool = False


def backend(layout: Layout) -> WorkerdWorker:
    return javascript(layout, BACKEND, WORKERS / "backend.js")


def js_forward(layout: Layout, folder: Path) -> list[WorkerdWorker]:
    forwarder = javascript(layout, "js-forward", WORKERS / "js_forward.js")
    return [replace(forwarder, bindings=TO_BACKEND), backend(layout)]


def reflare(layout: Layout, folder: Path) -> list[WorkerdWorker]:
    """reflare knows no service bindings: its plain `fetch` is led to the backend."""
    built = folder / "reflare.js"
    bundle(layout, WORKERS / "reflare.js", built)
    return [replace(javascript(layout, "reflare", built), outbound=BACKEND), backend(layout)]


def bundle(layout: Layout, source: Path, built: Path) -> None:
    """With wrangler's own bundler."""
    script = layout.npm_package("esbuild") / "bin" / "esbuild"
    options = ("--bundle", "--format=esm", "--platform=neutral", "--main-fields=module,main")
    done = subprocess.run(
        [str(layout.node), str(script), str(source), *options, f"--outfile={built}"],
        cwd=layout.root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SetupError(f"{source.name} cannot be bundled: {done.stderr.strip()}")


def python_forward(layout: Layout, folder: Path) -> list[WorkerdWorker]:
    mirror({"entry.py": (WORKERS / "python_forward.py").read_bytes()}, folder / "upload")
    forwarder = python(layout, "python-forward", folder / "upload")
    return [replace(forwarder, bindings=TO_BACKEND), backend(layout)]


def router(layout: Layout, folder: Path) -> list[WorkerdWorker]:
    """The router as it is uploaded, with the example policy."""
    stage_edge(layout, folder / "upload")
    policy = load((layout.root / "routes.yaml").read_bytes()).policy
    variants = {name: each.binding for name, each in policy.variants.items()} if policy else {}
    write_configs(layout, folder, variants, echo=True)
    worker, _, *others = router_workers(layout, folder)
    behind = {binding: service(BACKEND) for binding in variants.values()}
    return [replace(worker, bindings={**worker.bindings, **behind}), backend(layout), *others]


ROWS = (
    Row("js-forward", js_forward),
    Row("reflare", reflare),
    Row("python-forward", python_forward),
    Row("router", router, regions=True),
)
