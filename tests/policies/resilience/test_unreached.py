"""Why a server with a URL was not reached."""

from __future__ import annotations

import pytest

from policies.resilience.unreached import STATUSES, cause_of, is_url


@pytest.mark.parametrize("status", range(100, 600))
def test_only_cloudflares_own_statuses_are_no_answers(status: int) -> None:
    assert (cause_of(status, "") is None) == (status not in STATUSES)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ("Error", "connect-failure"),
        ("TypeError", "connect-failure"),
        ("PrivateAddress", "private-address"),
        ("NoAddress", "dns-failure"),
        ("BadStatus", "bad-status"),
    ],
)
def test_errors_have_causes(error: str, cause: str) -> None:
    assert cause_of(0, error) == cause


def test_a_binding_is_no_url() -> None:
    assert is_url("https://old.example.com")
    assert not is_url("PRODUCTION_EU")
