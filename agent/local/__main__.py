"""The agent's variants on this machine: their configurations as production has them, but for what
needs Cloudflare.

`python -m agent.local` is the `command` of router.toml: it writes one folder for each variant, and
one for the stand-in for Workers AI that they share, to $ROUTER_WORKERS. The stand-in says that it
is one; nothing triggers crons, so `ENVIRONMENT` is `development`, where requests do; and callbacks
may go to this machine. All variants share one database here, as they do there.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from agent.local.configs import write_all
from agent.packages import PackagesError

FOLDER = "ROUTER_WORKERS"


def main() -> int:
    folder = os.environ.get(FOLDER)
    if not folder:
        print(f"agent.local: {FOLDER} is not set: name the folder to write to", file=sys.stderr)
        return 2
    try:
        write_all(Path(folder), Path(".dev.vars"))
    except PackagesError as error:
        print(f"agent.local: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
