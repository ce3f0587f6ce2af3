"""Workers that do not start: which they are, what stands in for them, and when to try again.

1. workerd's error names the Worker. An error of a build does not, so each Worker is built alone
   then, which happens only after a failure.
2. The Worker in its place answers 503 with the reason: the router's failover takes over.
3. A change of the Worker's code or configuration is a reason to try it again.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from router.dev.errors import SetupError
from router.dev.files import write_if_changed
from router.dev.layout import Layout
from router.dev.local import write_json
from router.dev.required import COMPATIBILITY_DATE
from router.dev.wrangler import FAILED, last_error, wrangler
from router.dev.wrangler_config import read_config

NAMED = re.compile(r"\[ERROR\] service core:user:(?P<name>[^\s:]+): (?P<told>.*)")
PLACE = re.compile(r"^\s+(?P<file>[^\s:]+):\d+:\d+:$", re.MULTILINE)  # below a build's error
PASSED_BY = ("node_modules", "python_modules", "__pycache__")
MOST_FILES = 5_000  # are looked at for changes
SCRIPT = """\
export default {
  fetch(request, env) {
    return new Response(`${env.NAME} did not start: ${env.REASON}\\n`, { status: 503 });
  },
};
"""


def named_in(output: str) -> dict[str, str]:
    """The Workers that workerd's errors name, each with its error."""
    names: dict[str, str] = {}
    for found in NAMED.finditer(output):
        section = output[found.start() :]
        end = section.find(FAILED, len(FAILED))
        line = last_error(section if end < 0 else section[:end])
        names.setdefault(found["name"], line.removeprefix(f"service core:user:{found['name']}: "))
    return names


def unbuildable(layout: Layout, workers: Mapping[str, Path], folder: Path) -> dict[str, str]:
    """The Workers that wrangler cannot build, each with its error. It takes a second for each."""
    names = {}
    for name, config in workers.items():
        target = ["--config", str(config), "--outdir", str(folder / "tried" / name)]
        done = wrangler(layout, ["deploy", "--dry-run", *target])
        if done.returncode:
            names[name] = last_error(done.stdout + done.stderr)
    return names


def told(output: str, workers: Mapping[str, Path]) -> str:
    """The last error in a line, with its place in the code, and whose code that is: a place is
    relative to the Worker's folder, and of several with such a file one was just changed."""
    line, found = last_error(output), PLACE.search(output)
    if found is None:
        return line
    files = {name: config.parent / found["file"] for name, config in workers.items()}
    owners = [name for name, path in files.items() if path.is_file()]
    newest = max(owners, key=lambda name: files[name].stat().st_mtime, default="")
    return f"{newest}: {found[0].strip()} {line}" if newest else f"{found[0].strip()} {line}"


def stand_in(folder: Path, name: str, reason: str) -> Path:
    """The configuration of a Worker in place of one that does not start."""
    own = folder / "down" / name
    write_if_changed(own / "down.js", SCRIPT.encode())
    write_json(
        own / "wrangler.json",
        {
            "name": name,
            "main": "down.js",
            "compatibility_date": COMPATIBILITY_DATE,
            "no_bundle": True,
            "vars": {"NAME": name, "REASON": reason},
        },
    )
    return own / "wrangler.json"


def state_of(config: Path) -> frozenset[tuple[str, int, int]]:
    """The files that a Worker is made of, as far as they are beside its configuration and its
    main module; another state means that something was changed."""
    try:
        main = config.parent / str(read_config(config).get("main", ""))
    except SetupError:  # its configuration is being written
        main = config
    found = {path for folder in (config.parent, main.parent) for path in _files(folder)}
    return frozenset(islice(_states(sorted(found)), MOST_FILES))


def _files(folder: Path) -> Iterator[str]:
    for path, folders, names in os.walk(folder):
        folders[:] = [each for each in folders if each not in PASSED_BY and each[0] != "."]
        yield from (os.path.join(path, name) for name in names)


def _states(paths: list[str]) -> Iterator[tuple[str, int, int]]:
    for path in paths:
        try:
            found = os.stat(path)
        except OSError:
            continue  # gone meanwhile, which is a change
        yield path, found.st_mtime_ns, found.st_size
