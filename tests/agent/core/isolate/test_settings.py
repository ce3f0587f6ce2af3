"""What the deployment says, and what is said of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent import config
from agent.core.isolate.settings import DAY_MS, Misconfigured, error_fields, settings_of
from agent.local.configs import LOCAL_VARS
from agent.queue.limits import USUAL, Limits


def test_nothing_has_to_be_said() -> None:
    made = settings_of({})
    assert (made.environment, made.retention_ms) == ("production", 7 * DAY_MS)
    assert made.callbacks.patterns == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RETENTION_DAYS", "0"),
        ("RETENTION_DAYS", "366"),
        ("RETENTION_DAYS", "\u00b2"),
        ("RETENTION_DAYS", "a week"),
        ("TENANT_WAITING", "0"),
        ("TENANT_BYTES", "much"),
        ("TENANT_RUNNING", "-1"),
        ("CALLBACK_HOSTS", "example.com:99999"),
        ("CALLBACK_HOSTS", "https://*.*"),
    ],
)
def test_what_cannot_be_read_is_named(name: str, value: str) -> None:
    with pytest.raises(Misconfigured, match=name):
        settings_of({name: value})


def test_only_what_is_wrong_with_a_variable_is_logged_in_full() -> None:
    told = error_fields(Misconfigured("RETENTION_DAYS is …"))
    assert told == {"error": "Misconfigured", "why": "RETENTION_DAYS is …"}
    told = error_fields(ValueError("a secret"))
    assert told == {"error": "ValueError"}


def test_limits_of_tenants() -> None:
    given = {"TENANT_WAITING": "5", "TENANT_BYTES": "", "TENANT_RUNNING": "1"}
    assert settings_of(given).limits == Limits(5, USUAL.bytes, 1)
    own = config.variants()["production-eu"]["vars"]
    assert settings_of(own).limits == USUAL


def test_one_tenant_never_has_all_runs_of_an_isolate() -> None:
    """`RUNS` stands where only the runtime can import it."""
    source = (Path(config.__file__).parent / "edge" / "isolate.py").read_text("utf-8")
    runs = re.search(r"^RUNS = (\d+)", source, re.MULTILINE)
    assert runs
    assert int(runs[1]) >= 2 * USUAL.running
    assert int(LOCAL_VARS["TENANT_RUNNING"]) <= USUAL.running
