"""What is built on this machine before anything can run: the last step of `make install`.

All parts are compared with what they were made from, so doing it again costs a moment.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from agent import packages
from router.dev.bundle import bundle_path, ensure_bundle
from router.dev.layout import Layout, SetupError, find_root
from router.dev.snapshot import ensure_snapshot, snapshot_path
from router.dev.vendor import ensure_vendored, is_vendored

TOLD_FROM = 0.5


def prepare(layout: Layout) -> None:
    """Build what is missing or out of date; prints only what it builds."""
    if not bundle_path(layout).exists():
        with step("runtime", "Pyodide for workerd, built from npm's"):
            ensure_bundle(layout)
    if not is_vendored(layout):
        with step("edge", "packages of the Worker in python_modules"):
            ensure_vendored(layout)
    prepare_sandbox()
    if not snapshot_path(layout).exists():
        with step("image", "of Python's memory, which Workers start from"):
            ensure_snapshot(layout)


def prepare_sandbox() -> None:
    try:
        wanted = packages.wanted()
        if not packages.are_fetched(wanted):
            with step("sandbox", "packages that the agent's Python can import"):
                packages.archives(wanted)
    except packages.PackagesError as error:
        raise SetupError(str(error)) from error


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
        prepare(Layout(find_root()))
    except SetupError as error:
        print(f"install: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
