"""workerd, with our Python: the command that wrangler starts by path, and workerd by itself."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from router.dev.bundle import ensure_bundle, workerd_binary
from router.dev.files import write_if_changed
from router.dev.kit import Kit
from router.dev.layout import Layout
from router.dev.process import ServerProcess
from router.dev.snapshot import ensure_snapshot
from router.dev.workerd import DISK, External, Network, WorkerdWorker, config


def ensure_workerd(kit: Kit, *, from_image: bool = True) -> Path:
    """A command that runs the real workerd with our bundle, and from our memory image unless
    the caller brings one."""
    options = [f"--pyodide-bundle-disk-cache-dir={ensure_bundle(kit)}"]
    if from_image:
        image = ensure_snapshot(kit)
        options.append(f"--python-snapshot-dir={image.parent}")
        options.append(f"--python-load-snapshot={image.name}")
    quoted = " ".join(map(shlex.quote, options))
    text = f'#!/bin/sh\nexec {shlex.quote(str(workerd_binary(kit)))} "$@" {quoted}\n'
    command = kit.build / "pyodide" / ("workerd" if from_image else "workerd-without-image")
    write_if_changed(command, text.encode(), mode=0o755)
    return command


def serve(
    layout: Layout,
    workers: Sequence[WorkerdWorker],
    port: int,
    folder: Path,
    options: Sequence[str] = (),
    *,
    from_image: bool = True,
    others: Sequence[External | Network] = (),
) -> ServerProcess:
    """Start one workerd for `workers`; `folder` gets its configuration and its log."""
    (folder / DISK).mkdir(exist_ok=True)
    file = folder / "config.capnp"
    write_if_changed(file, config(workers, port, folder, others).encode())
    workerd = ensure_workerd(layout.kit, from_image=from_image)
    command = [str(workerd), "serve", "--experimental", *options, str(file)]
    return ServerProcess(command, cwd=folder, env={}, log=folder / "workerd.log")
