"""Packages of a list in the sandbox: pure and compiled ones, and what is said of those missing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agent.packages import wanted
from tests.sandbox.worker import Sandbox, running

LIST = [*wanted(), "requests==2.34.2", "pydantic-core==2.50.4"]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running(tmp_path_factory.mktemp("sandbox"), LIST) as started:
        yield started


def test_time_zones(sandbox: Sandbox) -> None:
    code = """
from datetime import datetime, timezone
from zoneinfo import ZoneInfo
noon = datetime(2026, 7, 1, 12, tzinfo=timezone.utc)
[str(noon.astimezone(ZoneInfo(name))) for name in ("Europe/Berlin", "Asia/Kolkata")]
"""
    told = sandbox.run(code)
    assert told["result"] == ["2026-07-01 14:00:00+02:00", "2026-07-01 17:30:00+05:30"], told


def test_a_pure_package(sandbox: Sandbox) -> None:
    code = """
import importlib.metadata, os, requests
prepared = requests.Request("GET", "https://example.com/", params={"a": 1}).prepare()
[prepared.url, importlib.metadata.version("requests"), os.path.isfile(requests.certs.where())]
"""
    told = sandbox.run(code, timeout_ms=20_000)
    assert told["result"] == ["https://example.com/?a=1", "2.34.2", True], told


def test_a_compiled_package(sandbox: Sandbox) -> None:
    code = """
from pydantic_core import SchemaValidator, __version__
schema = {"type": "list", "items_schema": {"type": "int"}}
[SchemaValidator(schema).validate_json("[1, 2]"), __version__]
"""
    told = sandbox.run(code, timeout_ms=20_000)
    assert told["result"] == [[1, 2], "2.50.4"], told


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "import numpy",
            "ModuleNotFoundError: No module named 'numpy'; add the package, with its version, to "
            '`python_packages` in agent/variants.toml: ["numpy==VERSION"]',
        ),
        ("import requests.nothing", "ModuleNotFoundError: No module named 'requests.nothing'"),
    ],
)
def test_a_module_that_is_missing(sandbox: Sandbox, code: str, message: str) -> None:
    assert sandbox.run(code)["error"]["message"] == message
