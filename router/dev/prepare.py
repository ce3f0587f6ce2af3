"""The kit, built: what must be there before anything can run.

All parts are compared with what they were made from, so doing it again costs a moment. One process
builds at a time; whoever comes meanwhile waits. Each part is made aside and then renamed, so one
that was broken off is made again, and what runs stays whole.
"""

from __future__ import annotations

import fcntl
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from router.dev.bundle import bundle_path, ensure_bundle
from router.dev.errors import SetupError
from router.dev.kit import CACHE, Kit, this_kit
from router.dev.layout import Layout
from router.dev.npm import ensure_npm, is_installed
from router.dev.snapshot import ensure_snapshot, snapshot_path
from router.dev.vendor import ensure_vendored, is_vendored

TOLD_FROM = 0.5


class KitPart(NamedTuple):
    """A part of the kit; `what`: for the line of progress."""

    name: str
    what: str
    is_there: Callable[[Kit], bool]
    build: Callable[[Kit], object]


# In the order in which they need one another.
PARTS = (
    KitPart("npm", "packages: wrangler, workerd, pyodide", is_installed, ensure_npm),
    KitPart(
        "runtime",
        "Pyodide for workerd, built from npm's",
        lambda kit: bundle_path(kit).exists(),
        ensure_bundle,
    ),
    KitPart("edge", "packages of the Worker in python_modules", is_vendored, ensure_vendored),
    KitPart(
        "image",
        "of Python's memory, which Workers start from",
        lambda kit: snapshot_path(kit).exists(),
        ensure_snapshot,
    ),
)

NAMES = tuple(part.name for part in PARTS)


def prepare(layout: Layout) -> None:
    """Build what is missing of the kit or out of date; prints only what it builds."""
    prepare_kit(layout.kit)


def prepare_tools(layout: Layout) -> None:
    """What a deployment needs: wrangler, and the packages of the upload."""
    prepare_kit(layout.kit, ("npm", "edge"))


def prepare_wrangler(layout: Layout) -> None:
    """What the KV at Cloudflare needs."""
    prepare_kit(layout.kit, ("npm",))


def prepare_packages(layout: Layout) -> None:
    """What staging needs."""
    prepare_kit(layout.kit, ("edge",))


def prepare_kit(kit: Kit, names: Collection[str] = NAMES) -> None:
    parts = [part for part in PARTS if part.name in names]
    if all(part.is_there(kit) for part in parts):
        return
    with _locked(kit):
        for part in parts:
            if not part.is_there(kit):
                with step(part.name, part.what):
                    part.build(kit)


@contextmanager
def _locked(kit: Kit) -> Iterator[None]:
    """The system lets go of the lock of a process that ends, in whatever way."""
    try:
        kit.build.mkdir(parents=True, exist_ok=True)
        if not kit.is_clone:
            print(f"kit         in {kit.home}, once for this version", flush=True)
        with (kit.build / ".building").open("wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                with step("kit", "being built by another process: waiting for it"):
                    fcntl.flock(file, fcntl.LOCK_EX)
            yield
    except OSError as error:
        where = error.filename or kit.home
        hint = "" if kit.is_clone else f" (the variable {CACHE} names another folder)"
        raise SetupError(f"cannot build the kit in {where}: {error.strerror}{hint}") from None


@contextmanager
def step(name: str, what: str) -> Iterator[None]:
    """A line of progress: the name and what is done, then how long it took."""
    print(f"{name:<11} {what}", end="", flush=True)
    begun = time.monotonic()
    try:
        yield
    except BaseException:
        print(": failed", flush=True)
        raise
    taken = time.monotonic() - begun
    print(f" ({taken:.1f} s)" if taken >= TOLD_FROM else "", flush=True)


def main() -> int:
    try:
        prepare_kit(this_kit())
    except SetupError as error:
        print(f"install: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
