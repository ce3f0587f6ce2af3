"""Numbers of requests in what they send."""

from __future__ import annotations

import pytest

from policies.drill_plan.numbering import numbered, unreadable


@pytest.mark.parametrize(
    ("text", "number", "expected"),
    [
        ("user-{n}", 61, "user-61"),
        ("192.0.2.{n%60}", 61, "192.0.2.1"),
        ("{n%60}/{n%7}/{n}", 60, "0/4/60"),
        ('{"n": {n}, "of": {n%2}}', 5, '{"n": 5, "of": 1}'),
        ("{n%0} {n%} {m} {n", 5, "{n%0} {n%} {m} {n"),
    ],
)
def test_numbered(text: str, number: int, expected: str) -> None:
    assert numbered(text, number) == expected


def test_sixty_take_turns() -> None:
    seen = [numbered("{n%60}", number) for number in range(180)]
    assert seen == [str(number) for number in range(60)] * 3


@pytest.mark.parametrize("text", ["{n%0}", "{n%}", "{n%x}", "{n %60}", "{n%-1}", "{n%12345678}"])
def test_what_is_no_remainder_is_told(text: str) -> None:
    assert unreadable(f"a-{text}-{{n}}") == text
    assert unreadable("{n} {n%60} {env:N} 100%") is None
