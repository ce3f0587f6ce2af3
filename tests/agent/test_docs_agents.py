"""The pages about the agent say of agents and FiberWise's clients what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from agent.agents.agents import KEPT_VERSIONS, MAX_AGENTS
from agent.agents.definition import MAX_CODE, SETTINGS
from agent.core.api import agents
from agent.core.jobs import row
from agent.core.jobs.core_format import STATUSES
from agent.core.jobs.resolving import BUILT_IN, OVERRIDES, PROMPTS, SYSTEM
from agent.queue.job import JobState
from tests.agent.pages import PAGES, ROOT, first_column, row_of, section

AGENTS, CLIENTS = section("Agents"), PAGES["agent-clients.md"]
SPACED = " ".join(AGENTS.split())


def test_settings() -> None:
    told = re.findall(r"^\| `([a-z-]+)` \| (`.*`) \|$", AGENTS, re.MULTILINE)
    found = {name: tuple(re.findall("`(.+?)`", settings)) for name, settings in told}
    assert found == dict(SETTINGS)


def test_limits() -> None:
    assert f"has {MAX_CODE:,} bytes at most" in SPACED
    assert f"last {KEPT_VERSIONS} versions" in SPACED
    assert f"up to {MAX_AGENTS:,} agents" in SPACED
    assert f"`limit` up to {agents.MAX_LISTED}" in SPACED


def test_columns_of_a_row() -> None:
    assert sorted(first_column(CLIENTS, "column")) == sorted((*row.NAMES, *row.OBJECTS, "status"))
    assert all(f"`{status}`" in row_of(CLIENTS, "`status`") for status in row.ENDED)
    assert list(BUILT_IN) == ["llm"]
    assert "The type `llm` needs no agent" in CLIENTS


def test_what_a_row_says_to_a_model() -> None:
    assert ", ".join(f"`{name}`" for name in PROMPTS[:2]) in " ".join(CLIENTS.split())
    names = {"model": "the model", "temperature": "the temperature"}
    for name, places in (("system_prompt", SYSTEM), *OVERRIDES):
        usual = "the number of tokens" if name in dict(OVERRIDES) else "the system prompt"
        told = row_of(CLIENTS, names.get(name, usual))
        found = re.findall(r"`(\w+)\.(\w+)`", told)
        assert tuple(found) == places, name


def test_statuses() -> None:
    told = row_of(CLIENTS, "`core_status`")
    assert set(STATUSES) == set(get_args(JobState))
    assert all(f"`{word}`" in told for word in STATUSES.values())


def test_versions_of_the_clients() -> None:
    pinned = (Path(ROOT) / "pyproject.toml").read_text("utf-8")
    found = dict(re.findall(r'"(fiberwise-\w+)==([\d.]+)"', pinned))
    spaced = " ".join(CLIENTS.split())
    assert found
    for name, version in found.items():
        assert f"`{name}` {version}" in spaced
