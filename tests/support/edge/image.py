"""A memory image for tests: with what the router imports, as in production, so that a router starts
in a third of the time.

1. It holds no policy: `bundled_policy`, and what imports it, is imported by each router itself.
2. It is made anew when any module of the router's upload has changed, but the policy.
3. All Python Workers of a workerd start from the same image: here they are routers.
"""

from __future__ import annotations

import fcntl
import hashlib
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from router.dev.files import write_if_changed
from router.dev.kit import Kit
from router.dev.layout import Layout
from router.dev.process import ServerProcess
from router.dev.runtime import ensure_workerd, serve
from router.dev.snapshot import make_image, snapshot_path
from router.dev.workerd import External, Network, WorkerdWorker, python_modules

MAIN = "entry.py"
POLICY = "bundled_policy.py"
KEPT = 3  # images of former sources, which other tests may run on
SOURCE = """\
import importlib

import js

for name in {names!r}:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != "bundled_policy":
            raise


def on_fetch(request, env, ctx):
    return js.Response.new("made")
"""


def serve_router(
    layout: Layout,
    workers: Sequence[WorkerdWorker],
    port: int,
    folder: Path,
    others: Sequence[External | Network] = (),
) -> ServerProcess:
    """As `serve` does. All Python Workers of `workers` are routers of one upload."""
    router, *more = (each for each in workers if MAIN in each.modules)
    assert all(each.modules == router.modules for each in more)
    options = from_image(router_image(layout.kit, router.modules))
    return serve(layout, workers, port, folder, options, from_image=False, others=others)


def router_workerd(layout: Layout, upload: Path) -> Path:
    """A command for wrangler, as `ensure_workerd` makes it, for the router of `upload`."""
    image = router_image(layout.kit, python_modules(layout, upload))
    options = " ".join(map(shlex.quote, from_image(image)))
    workerd = shlex.quote(str(ensure_workerd(layout.kit, from_image=False)))
    command = image.with_suffix(".sh")
    write_if_changed(command, f'#!/bin/sh\nexec {workerd} "$@" {options}\n'.encode(), mode=0o755)
    return command


def from_image(image: Path) -> Sequence[str]:
    """The options of workerd to start from it."""
    return (f"--python-snapshot-dir={image.parent}", f"--python-load-snapshot={image.name}")


def router_image(kit: Kit, modules: Mapping[str, Path]) -> Path:
    """The image of a router that uploads `modules`."""
    path = image_path(kit, modules)
    if path.exists():
        return path
    with _locked(path.parent):
        if not path.exists():
            shared = _shared(modules)
            make_image(kit, shared, SOURCE.format(names=_names(shared)), path)
            _remove_old(path)
    return path


def image_path(kit: Kit, modules: Mapping[str, Path]) -> Path:
    """Where it stands, once it is made."""
    digest = hashlib.sha256(snapshot_path(kit).name.encode() + SOURCE.encode())
    for name, path in sorted(_shared(modules).items()):
        digest.update(f"{name} ".encode() + hashlib.sha256(path.read_bytes()).digest())
    return kit.build / "pyodide" / f"router-{digest.hexdigest()[:16]}.bin"


def _shared(modules: Mapping[str, Path]) -> dict[str, Path]:
    return {name: path for name, path in modules.items() if name not in (MAIN, POLICY)}


def _names(modules: Mapping[str, Path]) -> list[str]:
    """The modules of the upload, without the packages, by the names they are imported by."""
    found = [name.removesuffix(".py") for name in modules if name.endswith(".py")]
    own = [name for name in found if not name.startswith("python_modules/")]
    return sorted(name.removesuffix("/__init__").replace("/", ".") for name in own)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process makes an image; the others wait for it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".router-image").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _remove_old(current: Path) -> None:
    images = sorted(current.parent.glob("router-*.bin"), key=lambda path: path.stat().st_mtime)
    for other in images[:-KEPT]:
        other.unlink(missing_ok=True)
        other.with_suffix(".sh").unlink(missing_ok=True)
