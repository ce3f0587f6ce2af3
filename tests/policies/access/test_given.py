"""Sticky cookies that the router gave, told from those that clients made up."""

from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.access.given import UNSEALED, Sealing, cookie_secret
from policies.access.sticky import Source, sticky_key
from tests.policies.making import request

SIDE = Source("cookie", "side", 3600)
NOW_S = 1_800_000_000
OURS = Sealing(cookie_secret(b"the pepper"), NOW_S * 1000.0)
KEY = "0123456789abcdef0123456789abcdef.ab12"


def test_what_is_given_is_known_until_its_time_is_over() -> None:
    value = OURS.sealed(SIDE, KEY)
    ages = {0: True, 3599: True, 3600: False, 10**9: False}
    for seconds, known in ages.items():
        assert OURS._replace(now_ms=(NOW_S + seconds) * 1000.0).is_given(SIDE, value) is known


@pytest.mark.parametrize(
    "value",
    [
        "",
        "abc",
        KEY,  # as the router gave them without a seal
        f"{KEY}~{NOW_S:x}.{'0' * 32}",
        f"{KEY}~{NOW_S:x}.",
        f"{KEY}~{NOW_S:x}",
        f"~{NOW_S:x}.{'0' * 32}",
        Sealing(cookie_secret(b"another"), NOW_S * 1000.0).sealed(SIDE, KEY),
        OURS.sealed(Source("cookie", "other", 3600), KEY),
    ],
)
def test_what_others_made_is_not(value: str) -> None:
    assert not OURS.is_given(SIDE, value)


@given(st.integers(0, 200), st.characters(codec="ascii"))
def test_no_character_can_be_changed(at: int, other: str) -> None:
    value = OURS.sealed(SIDE, KEY)
    at %= len(value)
    if value[at] != other:
        assert not OURS.is_given(SIDE, value[:at] + other + value[at + 1 :])


@given(st.text(max_size=80))
def test_any_text(value: str) -> None:
    assert not OURS.is_given(SIDE, value)


def test_a_cookie_that_the_router_never_sets_proves_nothing() -> None:
    never = Source("cookie", "side", 0)
    assert not OURS.is_given(never, OURS.sealed(never, KEY))


def test_the_seal_is_no_part_of_the_key() -> None:
    for value, key in ((OURS.sealed(SIDE, KEY), KEY), (KEY, KEY), ("a~b", "a"), ("~b", "")):
        assert sticky_key((SIDE,), request(headers={"cookie": f"side={value}"}))[0] == key
    other = Source("cookie", "side", 0)  # not the router's: whatever it holds
    assert sticky_key((other,), request(headers={"cookie": "side=a~b"}))[0] == "a~b"


def test_the_first_secret_that_there_is_counts() -> None:
    assert cookie_secret(b"", b"admin") == cookie_secret(b"admin") != cookie_secret(b"pepper")
    assert cookie_secret(b"", b"") == b""


def test_without_a_secret_nothing_is_sealed_and_no_seal_is_believed() -> None:
    bare = UNSEALED._replace(now_ms=NOW_S * 1000.0)
    assert bare.sealed(SIDE, KEY) == KEY
    purpose = b"\0sticky cookie"
    for secret in (b"", hmac.digest(b"", purpose, "sha256"), b"the pepper"):  # nor guessed keys
        forged = Sealing(secret or b"-", NOW_S * 1000.0).sealed(SIDE, KEY)
        assert not bare.is_given(SIDE, forged)
