"""Running wrangler: the kit's, with the kit's Node, quietly, in this project only.

What wrangler keeps between runs (logs, its registry of running Workers) goes to `build/`,
so that two projects, or two servers of one, never meet. The user's login stays where it is.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from router.dev.layout import Layout
from router.dev.process import ANSI, run_to_end

SETTINGS = {
    "CI": "1",
    "NO_COLOR": "1",
    "FORCE_COLOR": "0",
    "WRANGLER_SEND_METRICS": "false",
    "WRANGLER_SEND_ERROR_REPORTS": "false",
    "WRANGLER_HIDE_BANNER": "true",
    # A local request's `cf` is a fixed one, not looked up; MF-CF-Blob sets another.
    "CLOUDFLARE_CF_FETCH_ENABLED": "false",
    "X_LOCAL_EXPLORER": "false",
    "X_LOCAL_OBSERVABILITY": "false",
}

# Those that keep wrangler from asking, and from colours.
INTERACTIVE = ("CI", "NO_COLOR", "FORCE_COLOR")

# They choose an environment, which only our arguments to wrangler do.
CHOOSING = ("CLOUDFLARE_ENV", "ROUTER_ENV")

FAILED = "[ERROR]"
EXCEPTION = re.compile(r"[A-Za-z_.]*(Error|Exception): (?!Traceback)")


def command(layout: Layout, args: Sequence[str]) -> list[str]:
    script = layout.npm_package("wrangler") / "bin" / "wrangler.js"
    return [str(layout.node), str(script), *args]


def environment(layout: Layout, state: Path, extra: Mapping[str, str] | None) -> dict[str, str]:
    """The environment of a wrangler that keeps its state in `state`."""
    # A `[build]` command finds the `router` that runs here.
    ours = (str(layout.node.parent), str(Path(sys.executable).parent))
    path = os.pathsep.join([*ours, os.environ.get("PATH", "")])
    theirs = {name: value for name, value in os.environ.items() if name not in CHOOSING}
    return {
        **theirs,
        **SETTINGS,
        "PATH": path,
        "WRANGLER_LOG_PATH": str(state / "logs"),
        "CLOUDFLARE_DEV_REGISTRY_PATH": str(state / "registry"),
        "WRANGLER_CACHE_DIR": str(state / "cache"),
        # Beside what was compiled: a fifth of the time of a short command.
        "NODE_COMPILE_CACHE": str(layout.kit.node_modules / ".cache" / "node"),
        **(extra or {}),
    }


def wrangler(
    layout: Layout,
    args: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    done = wrangler_bytes(layout, args, env)
    out, err = (text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)


def wrangler_bytes(
    layout: Layout, args: Sequence[str], env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """As `wrangler`, for output that need not be text."""
    settings = environment(layout, layout.build / "wrangler", env)
    return run_to_end(command(layout, args), cwd=layout.root, env=settings)


def told_error(output: str) -> bool:
    return FAILED in output


def last_error(output: str) -> str:
    """Return the line of wrangler's output that has the error."""
    plain = ANSI.sub("", output).splitlines()  # what it builds with is coloured in any case
    lines = [line.strip(" \t✘▲│") for line in plain if line.strip(" \t✘▲│")]
    for start in range(len(lines) - 1, -1, -1):
        if FAILED in lines[start]:
            # A Python traceback follows; its last line is the error.
            told = [line for line in lines[start + 1 :] if EXCEPTION.match(line)]
            return (told or [lines[start].split(FAILED, 1)[1].strip()])[-1]
    return lines[-1] if lines else "it said nothing"
