"""What is shown before a push: the text, and what it means."""

from __future__ import annotations

import pytest

from router.terminal.difference import show_difference
from tests.router.publishing.making import text

SPELT = text("one") + b"\n# the same\n"
CASES = {
    "nothing before": (None, text("one"), ["nothing was published before"]),
    "a change": (
        text("one"),
        text("one", "OTHER"),
        ["--- published", "+++ new", "~ variant production: binding is OTHER, and was PRODUCTION"],
    ),
    "nothing": (text("one"), text("one"), ["no difference"]),
    "only spelt otherwise": (
        text("one"),
        SPELT,
        ["+# the same", "no difference in meaning; only the formatting differs"],
    ),
    "not valid before": (
        b"broken: [",
        text("one"),
        ["-broken: [", "the published policy is not valid by the current rules"],
    ),
}


@pytest.mark.parametrize(("before", "after", "told"), CASES.values(), ids=CASES.keys())
def test_the_difference(
    capsys: pytest.CaptureFixture[str], before: bytes | None, after: bytes, told: list[str]
) -> None:
    show_difference(before, after)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in told if line not in lines] == []
