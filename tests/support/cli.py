"""The command line, called without a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.cli.main import main

ROOT = Path(__file__).parents[2]


EXAMPLE = str(ROOT / "routes.yaml")


BROKEN = """\
version: 1
variants:
  one: {binding: ONE, pool: one, regoin: eu}
routes:
  - name: r
    split: {onw: 1}
"""


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    try:
        code = main(args)
    except SystemExit as error:  # argparse
        code = int(error.code or 0)
    told = capsys.readouterr()
    assert "Traceback" not in told.out + told.err
    return code, told.out, told.err
