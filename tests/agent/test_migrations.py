"""The migrations are written so that Cloudflare takes them: it splits them into statements by
simpler rules than SQLite's, which only shows when they are applied to a remote database."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

MIGRATIONS = sorted((Path(__file__).parents[2] / "agent" / "migrations").glob("*.sql"))
TRIGGER = re.compile(r"CREATE TRIGGER [^;]+ BEGIN [^;]+; END;|DROP TRIGGER \w+;")


@pytest.mark.parametrize("path", MIGRATIONS, ids=lambda path: path.name)
def test_nothing_can_be_split_wrongly(path: Path) -> None:
    text = path.read_bytes().decode("ascii")
    assert "\r" not in text
    lines = text.splitlines()
    comments = [line for line in lines if line.startswith("--")]
    assert [line for line in comments if re.search(r"[;'\"]", line)] == []
    rest = [line for line in lines if not line.startswith("--")]
    triggers = [line for line in rest if re.search(r"\bTRIGGER\b", line, re.IGNORECASE)]
    assert [line for line in triggers if not TRIGGER.fullmatch(line)] == []
    assert not re.search(r"\bCASE\b", text, re.IGNORECASE)
    assert "--" not in "".join(rest)
