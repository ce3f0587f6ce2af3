"""The pages about the agent say of jobs, metrics and deploying what the code does."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import Any

import pytest

from agent import config
from agent.callbacks.callback import OutboxDepth
from agent.core.api import activations, executing, polling
from agent.core.identity import Identity
from agent.core.isolate import metrics
from agent.core.isolate.metrics import Metrics
from agent.core.isolate.settings import TENANT
from agent.core.jobs import activation, running, shapes
from agent.core.jobs.refusing import LIMITS
from agent.core.serving import background
from agent.queue import limits
from agent.queue.job import DEFAULT_ATTEMPTS, DEFAULT_PRIORITY, HIGHEST, LOWEST, QueueDepth
from agent.queue.limits import MAX_ATTEMPTS, MAX_JOBS
from policies.language.yaml.document import Document, read_document
from tests.agent.pages import ROOT, cells, first_column, row_of, section, spaced

QUEUE = [QueueDepth("text-processing", 1, 0, 0, 0, 146)]
OUTCOME = {"result": {"data": []}}
BACKLOG = metrics.Backlog(QUEUE, OutboxDepth(1, 0, 0, 0, 0))
WHO = Identity("cf-us-00000000", "production-us", "us", 0)


def dedented(text: str) -> str:
    """What stands inside of lists, as if it stood outside."""
    return re.sub(r"^   ", "", text, flags=re.MULTILINE)


def test_fields_of_an_activation() -> None:
    text = section("Activations")
    named = first_column(text, "field of `POST /activations`")
    nested = [f"activation_data.{name}" for name in activation.DATA]
    expected = [*nested, *(each for each in activation.FIELDS if each != "activation_data")]
    assert sorted(named) == sorted(expected)
    attempts = cells(text, "`activation_data.max_attempts`")
    assert attempts == f"1 to {MAX_ATTEMPTS}; default {DEFAULT_ATTEMPTS}"
    priority = cells(text, "`priority`")
    assert priority.startswith(f"{LOWEST} to {HIGHEST}; default {DEFAULT_PRIORITY}.")
    least, most = activation.MIN_START_WITHIN, activation.MAX_START_WITHIN
    within = cells(text, "`activation_data.start_within`")
    assert f"{least:g} to {most:,.0f}; default {activation.START_WITHIN:,.0f} with" in within
    needs = cells(text, "`depends_on`")
    assert needs.startswith(f"up to {limits.MAX_DEPENDENCIES} ids")
    assert f"have {limits.MAX_INPUTS:,} bytes at most" in spaced(text)
    assert f"`limit` up to {activations.MAX_LISTED}" in text
    assert all(f"`{state}`" in text for state in activations.STATES)


def test_limits_of_a_tenant() -> None:
    text, own = section("Activations"), config.variants()["production-eu"]["vars"]
    for variable, field in TENANT.items():
        row = cells(text, f"`{variable}`")
        assert row.startswith(f"{getattr(limits.USUAL, field):,} |")
        assert int(own[variable]) == getattr(limits.USUAL, field)
    assert {each.variable for each in LIMITS.values()} <= set(TENANT)


def test_every_shape_of_a_job_has_a_row() -> None:
    text = section("POST /execute")
    table = text.partition("\n| required |")[2].partition("\n\n")[0].splitlines()[2:]
    rows = [tuple(re.findall(r"`([^`]+)`", row.split("|")[1])) for row in table]
    assert sorted(rows) == sorted(shape.required for shape in shapes.EXECUTE_SHAPES)
    for shape in shapes.EXECUTE_SHAPES:
        row = table[rows.index(shape.required)]
        assert f"status: {shape.to_response(OUTCOME, 0)['status']}`" in row or "the first" in row
        listed = [name for name in shape.optional if f"`{name}`" in row]
        assert listed or "other fields" in row or "the same" in row
    assert f"up to {executing.WAIT_MS // 1000} s" in spaced(text)
    compared = [name for name in shapes.HANDED_OUT if name != executing.EXTENDED]
    told = text.partition("### A job that a worker has leased")[2]
    assert all(f"`{name}`" in told for name in compared)


def test_parameters_of_a_poll() -> None:
    text = section("Workers that poll")
    named = first_column(text, "parameter of `GET` or `POST /poll`")
    assert sorted(named) == sorted(polling.FIELDS)
    assert cells(text, "`limit`").startswith(f"1 to {MAX_JOBS} jobs; default 1")
    assert f"up to {polling.MAX_WAIT:g} s for the first" in cells(text, "`wait`")
    lease = f"{polling.MIN_LEASE:g} to {polling.MAX_LEASE:,.0f} s; default {polling.LEASE:g}"
    assert cells(text, "`lease`").startswith(lease)
    *looks, last = (f"{ms / 1000:g}" for ms in polling.LOOKS_MS)
    assert f"after {', '.join(looks)} and then every {last} s" in spaced(text)


def test_every_metric_has_a_row() -> None:
    text, counted = section("Metrics"), Metrics()
    counted.requests["/health", 200] += 1
    counted.jobs["text-processing", "completed"] += 1
    lines = counted.text(WHO, BACKLOG).splitlines()
    kinds = dict(line.split()[2:4] for line in lines if line.startswith("# TYPE "))
    rows = re.findall(r"^\| `(agent_\w+)` \| (\w+) \| (.*?) ?\|$", text, re.MULTILINE)
    assert {name: kind for name, kind, _ in rows} == kinds
    for name, _, labels in rows:
        shown = next(line for line in lines if line.startswith(name))
        outside = re.sub(r"\(.*?\)", "", labels)
        assert re.findall(r"(\w+)=", shown) == re.findall(r"`(\w+)`", outside)
    told = first_column(text, "field")
    assert [name for name in counted.document(WHO, [], BACKLOG, 0) if name not in told] == []
    assert metrics.JOBS_EACH == 10
    assert "a worker for every ten jobs" in text
    assert metrics.COUNT_EVERY_MS == 10_000
    for line in re.findall(r"^agent_.* [\d.]+$", text, re.MULTILINE):
        assert line in lines


def test_times_in_the_background() -> None:
    text = section("In the background")
    for row in ("run", "deliver"):
        assert f"up to {background.RUN_FOR_MS // 1000} s" in row_of(text, row)
    assert f"up to {background.TICK_FOR_MS // 1000} s" in row_of(text, "tick")
    assert f"After {running.MAX_RUNS} jobs a run goes on" in text
    assert running.LEASE_MS == 120_000
    assert "is leased for two minutes" in spaced(text)
    crons = {name: own.get("triggers") for name, own in config.variants().items()}
    assert crons.pop("canary") is None
    assert all(each == {"crons": ["* * * * *"]} for each in crons.values())


def test_the_keys_for_trying_out_are_those_of_the_policy() -> None:
    document = read_document((ROOT / "routes.yaml").read_bytes())
    assert isinstance(document, Document)
    policy: Any = document.value
    keys = {each["sha256"]: each for each in policy["auth"]["keys"]}
    rows = re.findall(
        r"^\| `(example-\S+)` \| `(\w+)` \| (.*?) \|", section("Running it here"), re.M
    )
    assert len(rows) == len(keys) == 2
    for key, id, scopes in rows:
        own = keys[sha256(key.encode()).hexdigest()]
        assert (own["id"], own["scopes"]) == (id, re.findall(r"`([^`]+)`", scopes))


def test_deploying() -> None:
    text = dedented(section("Deploying"))
    for name, own in config.variants().items():
        assert (own["workers_dev"], own["preview_urls"], "routes" in own) == (False, False, False)
        assert name in text
        told = first_column(text, "variable")
        assert [each for each in own["vars"] if each not in (*told, "VARIANT", "REGION")] == []
        for database in own["d1_databases"]:
            assert f"wrangler d1 create {database['database_name']}\n" in text
        for namespace in own["kv_namespaces"]:
            assert f"wrangler kv namespace create {namespace['binding']}\n" in text


@pytest.mark.parametrize("name", ["Activations", "POST /execute", "Workers that poll"])
def test_whole_answers_that_are_shown_are_json(name: str) -> None:
    shown = re.findall(r"^(\{.*\})$", section(name), re.MULTILINE)
    whole = [line for line in shown if "…" not in line]
    assert whole
    assert all(isinstance(json.loads(line), dict) for line in whole)


def test_events_of_the_log() -> None:
    """What production logs; what development logs beside that is another matter."""
    page = (ROOT / "docs" / "agent-operations.md").read_text("utf-8")
    told = first_column(page.partition("\n## Troubleshooting\n")[2], "`event`")
    source = "".join(path.read_text("utf-8") for path in (ROOT / "agent").rglob("*.py"))
    logged = set(re.findall(r'"event": "([a-z-]+)"', source))
    assert set(told) == logged - {"request", "answer"}
