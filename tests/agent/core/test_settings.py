"""What the deployment says, and what is said of it."""

from __future__ import annotations

import pytest

from agent.core.settings import DAY_MS, Misconfigured, described, settings_of


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
        ("CALLBACK_HOSTS", "example.com:99999"),
        ("CALLBACK_HOSTS", "https://*.*"),
    ],
)
def test_what_cannot_be_read_is_named(name: str, value: str) -> None:
    with pytest.raises(Misconfigured, match=name):
        settings_of({name: value})


def test_only_what_is_wrong_with_a_variable_is_logged_in_full() -> None:
    told = described(Misconfigured("RETENTION_DAYS is …"))
    assert told == {"error": "Misconfigured", "why": "RETENTION_DAYS is …"}
    told = described(ValueError("a secret"))
    assert told == {"error": "ValueError"}
