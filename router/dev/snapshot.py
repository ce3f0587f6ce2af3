"""The memory image that every Python Worker starts from here, as in production.

Pyodide takes seconds to start, and a moment to go on from an image of its memory. workerd makes
one of a Worker that imports nothing: what a Worker itself imports is not in it, so nothing
changes for it. The SDK's hooks are, since they stand before all imports. Like the bundle the
image is a cache, made anew when anything that it was made of changes.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from router.dev.bundle import ensure_bundle, recipe, workerd_binary
from router.dev.errors import SetupError
from router.dev.files import write_if_changed
from router.dev.kit import COMPATIBILITY_DATE, Kit
from router.dev.local import LOCAL_FLAGS
from router.dev.loopback import HOST, answers, free_port
from router.dev.process import ServerProcess
from router.dev.workerd import WorkerdWorker, config

MADE = "snapshot.bin"  # as workerd calls it
WITHIN = 90.0
POLL = 0.05
# Not `entry.py`: an image holds the module that it was made with, under its name.
MAIN = "image_maker.py"
SOURCE = """\
import js


def on_fetch(request, env, ctx):
    return js.Response.new("made")
"""
FLAGS = ("python_workers", "disable_python_no_global_handlers", *LOCAL_FLAGS)
SDK = ("_workers_sdk_*", "workers", "asgi.py", "pyvenv.cfg")


def snapshot_path(kit: Kit) -> Path:
    """Where an image of the current recipe stands, once it is made."""
    digest = hashlib.sha256(recipe(kit.npm_package("pyodide")).encode())
    digest.update(Path(__file__).read_bytes())
    digest.update(workerd_binary(kit).parents[1].joinpath("package.json").read_bytes())
    for name, path in sdk(kit).items():
        digest.update(f"{name} {path.stat().st_size}\n".encode())
    return kit.build / "pyodide" / f"image-{digest.hexdigest()[:16]}.bin"


def sdk(kit: Kit) -> dict[str, Path]:
    """The files of Cloudflare's SDK for Python, by their names as modules."""
    root = kit.installed(kit.python_modules)
    found = [path for pattern in SDK for path in sorted(root.glob(pattern))]
    files = [file for path in found for file in [path, *sorted(path.rglob("*"))]]
    kept = [path for path in files if path.is_file() and path.suffix != ".pyc"]
    return {f"python_modules/{path.relative_to(root).as_posix()}": path for path in kept}


def ensure_snapshot(kit: Kit) -> Path:
    """An image of the current recipe."""
    path = snapshot_path(kit)
    if not path.exists():
        make_image(kit, sdk(kit), SOURCE, path)
        for other in path.parent.glob("image-*.bin"):
            if other != path:
                other.unlink(missing_ok=True)
    return path


def make_image(kit: Kit, modules: Mapping[str, Path], source: str, path: Path) -> None:
    """An image, at `path`, of a Worker with `modules` whose main one is `source`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        _make(kit, modules, source, Path(folder)).replace(path)


def _make(kit: Kit, modules: Mapping[str, Path], source: str, folder: Path) -> Path:
    """workerd writes it when the Worker has started."""
    bundle, port = ensure_bundle(kit), free_port()
    write_if_changed(folder / MAIN, source.encode())
    of_worker = {MAIN: folder / MAIN, **modules}
    worker = WorkerdWorker("image-maker", of_worker, COMPATIBILITY_DATE, FLAGS)
    file = folder / "config.capnp"
    write_if_changed(file, config([worker], port, folder).encode())
    options = (
        f"--pyodide-bundle-disk-cache-dir={bundle}",
        f"--python-snapshot-dir={folder}",
        "--python-save-baseline-snapshot",
    )
    command = [str(workerd_binary(kit)), "serve", "--experimental", *options, str(file)]
    process = ServerProcess(command, cwd=folder, env={}, log=folder / "workerd.log")
    try:
        deadline = time.monotonic() + WITHIN
        while not answers(f"http://{HOST}:{port}/"):
            if not process.alive or time.monotonic() > deadline:
                said = process.output().strip().splitlines() or ["it said nothing"]
                raise SetupError(f"workerd made no memory image: {said[0][:300]}")
            time.sleep(POLL)
    finally:
        process.stop()
    if not (folder / MADE).is_file():
        raise SetupError("workerd made no memory image, and did not say why")
    shutil.copy(folder / MADE, folder / "image")
    return folder / "image"
