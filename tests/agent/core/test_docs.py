"""What docs/agent-capabilities.md says of the Internet."""

from __future__ import annotations

import re

from agent.core.capabilities import calls, scraping
from agent.core.web import html, request, web
from agent.core.web.egress import OPEN_PORTS, Egress
from tests.agent.pages import section, spaced
from workers_runtime import names

TEXT = section("The Internet")
SPACED = spaced(TEXT)


def names_of(section: str) -> list[str]:
    """What stands in the first column of its table."""
    part = TEXT.partition(f"\n### {section}\n")[2].partition("\n### ")[0]
    first = re.findall(r"^\| (`[^|]+`) \|", part, re.MULTILINE)
    return re.findall(r"`([^`]+)`", " ".join(first))


def test_every_part_and_field_has_a_row() -> None:
    assert names_of("`web-scraping`") == list(scraping.EXTRACTS)
    assert names_of("`api-calls`") == list(calls.FIELDS)


def test_limits_of_pages() -> None:
    for part, most in (
        ("headings", scraping.MAX_HEADINGS),
        ("links", scraping.MAX_LINKS),
        ("metadata", scraping.MAX_METADATA),
    ):
        assert re.search(rf"^\| `{part}` \| .* \| {most} \|$", TEXT, re.MULTILINE)
    assert f"| {scraping.MAX_TEXT:,} characters |" in TEXT
    assert f"| {scraping.MAX_LINE:,} characters |" in TEXT
    assert f"more than {html.MAX_PIECES:,} tags" in SPACED
    assert request.MAX_ANSWER == 2**20


def test_limits_of_requests() -> None:
    usual, most = request.TIMEOUT_MS, request.MAX_TIMEOUT_MS
    assert f"100 to {most:,}; default {usual:,}." in SPACED
    assert f"first {calls.MAX_SHOWN:,} characters" in SPACED
    assert web.MAX_REDIRECTS == 5
    assert f"from {OPEN_PORTS} on" in SPACED
    kept = f"from {names.LEAST_S} s to {names.MOST_S // 60} min, of up to {names.MAX_NAMES} names"
    assert kept in SPACED
    assert f"no response within {web.ROBOTS_WITHIN_MS // 1000} s" in SPACED
    assert f"the rules of {web.MAX_SITES} sites for an hour" in SPACED
    assert web.ROBOTS_KEPT_S == 3_600


def test_patterns_can_be_read() -> None:
    patterns = names_of("Where requests may go")
    assert len(patterns) == len(Egress.of(" ".join(patterns)).patterns) == 5
