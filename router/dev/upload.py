"""The production upload, tried: `wrangler deploy --dry-run` of wrangler.toml.

It needs no network and no account. Its output is shown as wrangler gives it; the size
that counts against Cloudflare's limit is the compressed one.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass

from router.dev.layout import Layout, SetupError, find_root
from router.dev.prepare import prepare
from router.dev.process import ANSI
from router.dev.stage import ONLY_TRIED, stage
from router.dev.wrangler import last_error, wrangler

GZIP = re.compile(r"gzip:\s*([\d.]+)\s*KiB")
# Cloudflare's limit of the free plan, in KiB; a paid plan allows 10 MB.
LIMIT_KIB = 3072.0


@dataclass(frozen=True, slots=True)
class DryRun:
    output: str
    gzip_kib: float


def dry_run(layout: Layout) -> DryRun:
    """Stage and bundle the upload as a deployment would, into `build/dry-run`."""
    # wrangler's build command does the same, but would not tell what was wrong.
    stage(layout.root, layout.root / "routes.yaml", layout.build / "upload")
    outdir = layout.build / "dry-run"
    args = ["deploy", "--dry-run", "--outdir", str(outdir)]
    args += ["--config", str(layout.wrangler_toml)]
    done = wrangler(layout, args, env={ONLY_TRIED: "1"})
    output = ANSI.sub("", done.stdout + done.stderr)
    size = GZIP.search(output)
    if done.returncode or not size:
        raise SetupError(f"wrangler deploy --dry-run failed: {last_error(output)}")
    return DryRun(output, float(size[1]))


def main() -> int:
    layout = Layout(find_root())
    try:
        prepare(layout)
        done = dry_run(layout)
    except SetupError as error:
        print(f"upload: {error}", file=sys.stderr)
        return 1
    print(done.output.rstrip())
    verdict = "fits" if done.gzip_kib <= LIMIT_KIB else "does not fit"
    print(f"\nupload: {done.gzip_kib:.0f} KiB gzip, {verdict} within {LIMIT_KIB:.0f} KiB")
    return 0 if done.gzip_kib <= LIMIT_KIB else 1


if __name__ == "__main__":
    sys.exit(main())
