"""Secrets: the environment beats the file, and only their owner can read them."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.dev.layout import Layout, SetupError
from router.dev.secrets import dev_vars, write_secrets

CASES = {
    "plain": ("secret", "'secret'"),
    "hash and dollar": ("a #$b=c", "'a #$b=c'"),
    "backslash": ("a\\nb", "'a\\nb'"),
    "single quote": ("it's", "`it's`"),
    "single quote and backtick": ("'`", '"\'`"'),
}


@pytest.mark.parametrize(("value", "written"), CASES.values(), ids=CASES.keys())
def test_a_value_is_written_so_that_it_is_read_back(value: str, written: str) -> None:
    assert dev_vars("", {"ROUTER_ADMIN_KEY": value}) == f"ROUTER_ADMIN_KEY={written}\n"


def test_a_value_that_cannot_be_written_is_refused_without_telling_it() -> None:
    with pytest.raises(SetupError) as raised:
        dev_vars("", {"ROUTER_ADMIN_KEY": "'`\""})
    assert "'`\"" not in str(raised.value)


def test_the_environment_comes_last_and_so_wins(clone: Layout, tmp_path: Path) -> None:
    write_secrets(clone.root, tmp_path, {"ROUTER_ADMIN_KEY": "environment", "HOME": "/home"})
    written = tmp_path / ".dev.vars"
    assert written.read_text(encoding="utf-8") == (
        "ROUTER_ADMIN_KEY=file\nOTHER=kept\nROUTER_ADMIN_KEY='environment'\n"
    )
    assert written.stat().st_mode & 0o777 == 0o600


def test_without_secrets_the_file_is_empty(tmp_path: Path) -> None:
    write_secrets(tmp_path / "nowhere", tmp_path, {})
    assert (tmp_path / ".dev.vars").read_text(encoding="utf-8") == ""
