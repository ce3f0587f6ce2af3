"""docs/agent-workers.md, and the pages of the examples, say of workers what the code does."""

from __future__ import annotations

import argparse
import json
import re
import runpy

import pytest

from agent.core.api import scaling, workers
from agent.core.isolate import metrics
from agent.queue.limits import MAX_CAPABILITIES, SILENT_MS
from agent.workers.worker import HEARTBEAT_MS, KEPT_MS, MAX_HELD, MAX_WORKERS, Load
from tests.agent.pages import ROOT, cells, first_column, section, spaced

TEXT = section("Workers that poll")
SPACED = spaced(TEXT)


def test_fields_of_a_worker() -> None:
    named = first_column(TEXT, "field of `POST /register` and `POST /heartbeat`")
    assert named == list(workers.FIELDS)
    assert cells(TEXT, "`metadata`").startswith(f"an object, {workers.MAX_METADATA:,} bytes")
    assert f"1 to {MAX_CAPABILITIES} names" in TEXT
    assert f"a key may have {MAX_WORKERS:,} workers" in SPACED
    shown = json.loads(re.findall(r'^(\{.*"registered_at".*"lost_after".*\})$', TEXT, re.M)[0])
    assert (shown["heartbeat_within"], shown["lost_after"]) == (15, 45)
    assert workers.DUE == {"heartbeat_within": 15, "lost_after": 45}
    assert (HEARTBEAT_MS, SILENT_MS, KEPT_MS) == (15_000, 45_000, 86_400_000)
    assert f"within {SILENT_MS // 1_000} s if it has registered" in section("The job queue")


def test_parameters_of_the_list() -> None:
    assert first_column(TEXT, "parameter of `GET /workers`")[0] == "state"
    named = first_column(TEXT, "parameter of `GET /workers`")
    assert named == list(workers.LISTED)
    usual, most = workers.USUAL_LISTED, workers.MAX_LISTED
    assert f"{usual} workers by default, up to {most};" in TEXT
    assert f"`jobs` the {MAX_HELD} of them whose leases end first" in SPACED


def test_fields_of_scale() -> None:
    named = first_column(TEXT, "field of `GET /workers/scale`")
    assert sorted(named) == sorted({*Load._fields, "jobs", "desired_workers", "capabilities"})
    assert scaling.FIELDS == ("capability", "tenant")
    assert metrics.JOBS_EACH == 10
    page = (ROOT / "examples" / "keda" / "README.md").read_text("utf-8")
    shown = json.loads(page.partition("```json\n")[2].partition("```")[0])
    assert sorted(shown) == sorted({*named, "status"})


def test_options_of_the_reference_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "examples" / "worker" / "README.md").read_text("utf-8")
    added: dict[str, str] = {}
    plain = argparse.ArgumentParser.add_argument

    def add(parser: argparse.ArgumentParser, *names: str, **how: object) -> argparse.Action:
        added[names[0]] = str(how.get("default"))
        return plain(parser, *names, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(argparse.ArgumentParser, "add_argument", add)
    monkeypatch.setattr("sys.argv", ["worker.py", "--help"])
    with pytest.raises(SystemExit, match="0"):
        runpy.run_path(str(ROOT / "examples" / "worker" / "worker.py"), run_name="__main__")
    assert first_column(page, "option") == [name for name in added if name.startswith("--")]
    for name in ("--at-once", "--wait", "--lease"):
        assert f"default {added[name]}" in cells(page, f"`{name}`")
