"""What docs/agent-python.md says of Python execution."""

from __future__ import annotations

import re
from typing import get_args

from agent.core.capabilities.python import FIELDS
from agent.sandbox import execute
from agent.sandbox.execute import Kind
from agent.sandbox.plain import MAX_DEPTH, MAX_INTEGER, MAX_VALUES
from agent.sandbox.pool import Sizes
from agent.sandbox.runner import CLOSED
from tests.agent.pages import section, spaced

TEXT = section("Python execution")
SPACED = spaced(TEXT)


ROW = re.compile(r"^\| `([a-z_-]+)` \| [^|]+ \|$", re.MULTILINE)


def test_every_field_and_every_kind_of_error_has_a_row() -> None:
    fields, _, kinds = TEXT.partition("\n### What comes of a run")
    assert ROW.findall(fields) == list(FIELDS)
    assert ROW.findall(kinds) == list(get_args(Kind))
    assert (
        f"only the first {['', 'one', 'two', 'three', 'four'][len(execute.TOLD)]} kinds" in SPACED
    )


def test_limits() -> None:
    default, most = execute.TIMEOUT_MS // 1000, execute.MAX_TIMEOUT_MS // 1000
    assert f"default {default} s, at most {most} s" in TEXT
    assert f"| printed | {execute.MAX_STDOUT // 1024} KiB |" in TEXT
    assert f"as JSON | {execute.MAX_RESULT // 2**20} MiB |" in TEXT
    assert f"of an isolate | {execute.MAX_ANSWER / 2**20:.1f} MiB |" in TEXT
    assert f"| code | {execute.MAX_CODE // 1024} Ki characters |" in TEXT
    assert f"ready or running | {Sizes().all} for" in TEXT
    assert f"running, of one key | {Sizes().of_tenant} of these" in TEXT
    assert MAX_INTEGER == 2**53 - 1
    assert f"nested {MAX_DEPTH} deep, with {MAX_VALUES:,} values in all" in SPACED


def test_closed_modules() -> None:
    named = re.findall(r"`import` refuses ([^.]+)\.", SPACED)[0]
    assert set(re.findall(r"`(\w+)`", named)) <= set(CLOSED)
