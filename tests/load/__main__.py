"""`python -m tests.load`, which `make load` runs: the load with the default times of health.

It takes two minutes and prints a table. The tests (`test_load.py`) have shorter times.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from router.dev.layout import SetupError
from tests.load.modes import MODES, policy
from tests.load.report import table
from tests.load.site import Site
from tests.load.story import Times, play

HEALTH = {"active": {"path": "/health"}}
TIMES = Times(well=5, ill=30, back=60)


def main() -> int:
    begun = time.monotonic()

    def tell(line: str) -> None:
        print(f"{time.monotonic() - begun:>6.1f} s  {line}", flush=True)

    try:
        with tempfile.TemporaryDirectory() as folder, Site(Path(folder), policy(HEALTH)) as site:
            site.wait_ready()
            stories = asyncio.run(play(site, MODES, TIMES, tell))
    except SetupError as error:
        print(f"load: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print("\n" + table(stories))
    return 0


if __name__ == "__main__":
    sys.exit(main())
