"""What becomes of a page: its parts, within limits, or why there are none."""

from __future__ import annotations

from typing import Any

import pytest

from agent.core.capabilities.scraping import (
    EXTRACTS,
    MAX_HEADINGS,
    MAX_LINE,
    MAX_LINKS,
    MAX_METADATA,
    MAX_TEXT,
    scrape,
)
from agent.core.refused import Refused, Unavailable
from agent.core.web.request import MAX_ANSWER
from tests.agent.core.wires import FakeTools, FakeWire, Site, web_on

NO_ROBOTS = Site(status=404)
URL = "https://a.example/dir/page?q"


def scraped(site: Site | str, **given: Any) -> dict[str, Any]:
    return scrape({"url": URL, **given}, FakeTools(web_on(on(site))))


def on(site: Site | str, robots: Site | None = NO_ROBOTS) -> FakeWire:
    """A site of one page; without `robots` the connection for them fails."""
    page = site if isinstance(site, Site) else Site(site.encode())
    return FakeWire(lambda asked: robots if asked.url.endswith("/robots.txt") else page)


def links(html: str) -> list[str]:
    return [each["url"] for each in scraped(html, extract=["links"])["links"]]


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ("<a href=x>", ["https://a.example/dir/x"]),
        ("<base href=/b/><a href=x>", ["https://a.example/b/x"]),
        ("<base href=//c.example><a href=x>", ["https://c.example/x"]),
        ("<base href='http://['><a href=x>", ["https://a.example/dir/x"]),
        ("<base href='javascript:x'><a href=x>", ["https://a.example/dir/x"]),
        ("<a href=x#1>1</a><a href=x>2</a><a href='./x'>3", ["https://a.example/dir/x"]),
        ("<a href='#part'>1</a><a href='?q'>2</a>", []),
        ("<a href='mailto:a@b'>m</a><a href='javascript:1'>j</a><a href='data:,x'>d</a>", []),
        ("<a href='ftp://x.example'>f</a><a href='http://u:p@x.example'>u</a>", []),
        ("<a href='http://127.0.0.1/x'>it is told, not followed", ["http://127.0.0.1/x"]),
        ("<a href='/ä b'>", ["https://a.example/%C3%A4%20b"]),
    ],
)
def test_links(html: str, found: list[str]) -> None:
    assert links(html) == found


def test_a_link_has_its_first_text() -> None:
    html = "<a href=x></a><a href=x rel='next  nofollow'>first</a><a href=x>second</a>"
    told = scraped(html, extract=["links"])["links"]
    assert told == [{"url": "https://a.example/dir/x", "text": "first", "rel": "next nofollow"}]


def test_only_what_is_asked_for() -> None:
    told = scraped("<title>t</title>x", extract=["text", "title"])
    assert told == {
        "url": URL,
        "status": 200,
        "content_type": "text/html",
        "text": "x",
        "title": "t",
        "cut": [],
    }
    assert set(EXTRACTS) < set(scraped("x"))


@pytest.mark.parametrize(
    ("html", "part", "most"),
    [
        ("".join(f"<a href={n}>x</a>" for n in range(MAX_LINKS + 1)), "links", MAX_LINKS),
        ("<h1>x</h1>" * (MAX_HEADINGS + 1), "headings", MAX_HEADINGS),
        ("x " * MAX_TEXT, "text", MAX_TEXT),
        (f"<title>{'x' * (MAX_LINE + 1)}</title>", "title", MAX_LINE),
        (
            "".join(f"<meta name=n{n} content=x>" for n in range(MAX_METADATA + 1)),
            "metadata",
            MAX_METADATA,
        ),
        ("<title>t</title>" + "x" * MAX_ANSWER, "body", None),
    ],
)
def test_what_is_too_long_is_cut_and_says_so(html: str, part: str, most: int | None) -> None:
    told = scraped(html)
    assert part in told["cut"]
    assert most is None or len(told[part]) == most


@pytest.mark.parametrize(
    ("site", "said"),
    [
        (Site(b"x", "image/png"), "image/png"),
        (Site(b"{}", "application/json"), "api-calls"),
        (Site(b"\x89PNG\0", "text/html"), "no text"),
        (Site(b"x", ""), "no content type"),
        (Site(b"x", status=404), "404"),
        (Site(b"x", status=403), "403"),
        (Site(b"x", status=304), "304"),
    ],
)
def test_what_is_no_page_is_refused(site: Site, said: str) -> None:
    with pytest.raises(Refused, match=said):
        scraped(site)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
@pytest.mark.parametrize(("wait", "hint"), [("7", 7), ("Wed, 21 Oct", None), ("²", None)])
def test_what_may_go_well_next_time(status: int, wait: str, hint: int | None) -> None:
    with pytest.raises(Unavailable) as raised:
        scraped(Site(status=status, headers=(("retry-after", wait),)))
    assert raised.value.more.get("retry_after_s") == hint
    assert raised.value.more["status_code"] == status


def test_plain_text_and_pages_without_a_type() -> None:
    assert scraped(Site(b"a\r\nb <p>", "text/plain"))["text"] == "a\nb <p>"
    assert scraped(Site(b"\n<!DOCTYPE html><p>x", ""))["text"] == "x"


def test_charsets() -> None:
    russian = "Привет".encode("windows-1251")
    assert scraped(Site(russian, "text/html; charset=windows-1251"))["text"] == "Привет"
    assert scraped(Site("ü".encode(), "text/html; charset=klingon"))["text"] == "ü"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"url": None}, "`url`"),
        ({"url": ["x"]}, "`url`"),
        ({"url": "http://10.0.0.1"}, "no public host"),
        ({"extract": []}, "`extract`"),
        ({"extract": ["titel"]}, "`extract`"),
        ({"extract": [["title"]]}, "`extract`"),
        ({"extract": "title"}, "`extract`"),
        ({"timeout_ms": 30_001}, "`timeout_ms`"),
        ({"timeout_ms": True}, "`timeout_ms`"),
        ({"ignore_robots": "yes"}, "`ignore_robots`"),
        ({"ulr": "x"}, "did you mean `url`"),
    ],
)
def test_input_that_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=said):
        scraped("x", **given)


@pytest.mark.parametrize(
    ("robots", "error"),
    [
        (Site(b"user-agent: *\ndisallow: /", "text/plain"), Refused),
        (Site(b"user-agent: *\ndisallow: /dir", "text/plain"), Refused),
        (Site(b"user-agent: *\ndisallow: /other", "text/plain"), None),
        (Site(b"<p>no such page</p>", "text/html"), None),
        (Site(b"user-agent: *\ndisallow: /", "image/png"), None),
        (Site(status=403), None),
        (Site(status=302, headers=(("location", "http://127.0.0.1/"),)), None),
        (Site(status=500), Unavailable),
        (Site(status=429), Unavailable),
        (Site(takes_ms=60_000), Unavailable),
        (None, Unavailable),
    ],
)
def test_what_sites_ask_of_robots(robots: Site | None, error: Any) -> None:
    wire = on("<title>t</title>", robots)
    tools = FakeTools(web_on(wire))
    if error is None:
        assert scrape({"url": URL}, tools)["title"] == "t"
        return
    with pytest.raises(error):
        scrape({"url": URL}, tools)
    assert URL not in [each.url for each in wire.sent]
    assert scrape({"url": URL, "ignore_robots": True}, tools)["title"] == "t"


def test_robots_are_asked_for_once_for_a_site() -> None:
    wire = on("x")
    tools = FakeTools(web_on(wire))
    for path in "ab":
        scrape({"url": f"https://a.example/{path}"}, tools)
    scrape({"url": "https://a.example:8443/c"}, tools)
    sent = [each.url.removeprefix("https://a.example") for each in wire.sent]
    assert sent == ["/robots.txt", "/a", "/b", ":8443/robots.txt", ":8443/c"]
