"""The upload, deployed by wrangler, or only tried: `wrangler deploy`, with or without `--dry-run`.

A trial needs no network and no account. The size that counts against Cloudflare's limit is the
compressed one.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from router.dev.errors import SetupError
from router.dev.guards import ONLY_TRIED
from router.dev.layout import Layout
from router.dev.process import ANSI, run_telling
from router.dev.wrangler import (
    INTERACTIVE,
    command,
    environment,
    last_error,
    wrangler,
)

GZIP = re.compile(r"gzip:\s*([\d.]+)\s*KiB")
# Cloudflare's limit of the free plan, in KiB; a paid plan allows 10 MB.
LIMIT_KIB = 3072.0
TABLE = ("┌", "├", "│", "└", "Attaching additional modules", "[custom build] Running")
ENV = "ROUTER_ENV"  # for the build command, which `--env` does not reach


@dataclass(frozen=True, slots=True)
class DryRun:
    output: str
    gzip_kib: float


def dry_run(layout: Layout) -> DryRun:
    """Bundle the upload as a deployment would, into `build/dry-run`."""
    args = [*_arguments(layout), "--dry-run", "--outdir", str(layout.build / "dry-run")]
    done = wrangler(layout, args, env={ONLY_TRIED: "1", **_variables(layout)})
    output = ANSI.sub("", done.stdout + done.stderr)
    size = GZIP.search(output)
    if done.returncode or not size:
        raise SetupError(f"wrangler deploy --dry-run failed: {last_error(output)}")
    return DryRun(output, float(size[1]))


def deploy(layout: Layout, *, may_ask: bool = True) -> int:
    """Return wrangler's exit code. If it may ask, on a terminal, what it says is shown as it is."""
    settings = environment(layout, layout.build / "wrangler", _variables(layout))
    told = command(layout, _arguments(layout))
    if may_ask and sys.stdin.isatty() and sys.stdout.isatty():
        settings = {name: value for name, value in settings.items() if name not in INTERACTIVE}
        return subprocess.run(told, cwd=layout.root, env=settings, check=False).returncode
    return run_telling(told, cwd=layout.root, env=settings, tell=_tell)


def _tell(line: str) -> None:
    for each in brief([line]):
        print(each, flush=True)


def brief(lines: Iterable[str]) -> Iterator[str]:
    """wrangler's output without its table of hundreds of modules."""
    return (line for line in lines if not line.startswith(TABLE))


def _arguments(layout: Layout) -> list[str]:
    return ["deploy", "--config", str(layout.config_file), f"--env={layout.env}"]


def _variables(layout: Layout) -> Mapping[str, str]:
    return {ENV: layout.env} if layout.env else {}
