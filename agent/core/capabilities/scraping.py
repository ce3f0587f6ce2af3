"""The capability `web-scraping`: the content and the metadata of a page.

`{"url": …, "extract": ["title", "text", "links", …]}`. One page for each job, if the site's
`robots.txt` allows it; links are listed, not followed. What exceeds its limit is truncated, and
`cut` names it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urldefrag, urljoin

from agent.core import fields
from agent.core.capabilities.tools import Tools
from agent.core.refused import Refused, Unavailable
from agent.core.web.charsets import charset_of, media_type
from agent.core.web.html import Link, Page, plain, read_page
from agent.core.web.request import MAX_TIMEOUT_MS, TIMEOUT_MS, Request
from agent.core.web.web import Fetched, Web
from workers_runtime.urls import BadUrl, parse_url

FIELDS = ("url", "extract", "timeout_ms", "ignore_robots")
HTML, TEXT = ("text/html", "application/xhtml+xml"), "text/plain"
ACCEPT = "text/html, application/xhtml+xml, text/plain;q=0.5"
MAX_TEXT = 100_000  # characters
MAX_LINKS, MAX_HEADINGS, MAX_METADATA = 500, 200, 100
MAX_WRITTEN = 2_000  # different links that are resolved
MAX_LINE = 1_000  # characters of a title, a link's text, a value of metadata
PASSING = (408, 425, 429)  # statuses, besides 500 and up, that may pass


def scrape(given: dict[str, object], tools: Tools) -> dict[str, object]:
    """Raises `Refused` or `Unavailable`."""
    fields.check_known(given, FIELDS)
    wanted = fields.some_of(given, "extract", list(EXTRACTS))
    timeout = fields.whole(given, "timeout_ms", TIMEOUT_MS, 100, MAX_TIMEOUT_MS)
    request = Request(fields.text(given, "url"), headers={"accept": ACCEPT}, timeout_ms=timeout)
    if not fields.yes_or_no(given, "ignore_robots"):
        tools.web.check_robots(request)
    answer = tools.web.fetch(request)
    _check_status(answer)
    page, kind = _page(answer, tools.web)
    cut = ["body"] if page.is_cut or answer.held.is_cut else []
    parts = {part: EXTRACTS[part](page, answer.url, cut) for part in wanted}
    facts = {"url": answer.url, "status": answer.status, "content_type": kind}
    return {**facts, **parts, "cut": cut}


def failure(answer: Fetched, more: dict[str, object]) -> Refused | Unavailable:
    """The error for a status outside 2xx, which says whether to try again."""
    message = f"{answer.url[:200]} answered with status {answer.status}"
    if answer.status >= 500 or answer.status in PASSING:
        wait = answer.header("retry-after")
        hint = {"retry_after_s": int(wait)} if wait.isdecimal() and len(wait) < 9 else {}
        return Unavailable(message, **more, **hint)
    return Refused(message, **more)


def _check_status(answer: Fetched) -> None:
    if not 200 <= answer.status < 300:
        raise failure(answer, {"status_code": answer.status, "url": answer.url})


def _page(answer: Fetched, web: Web) -> tuple[Page, str]:
    """The page, and its content type."""
    content_type, start = answer.header("content-type"), answer.held.start
    looks = HTML[0] if start.lstrip().lower().startswith(("<!doctype html", "<html")) else ""
    kind = media_type(content_type) or looks
    if kind not in (*HTML, TEXT) or not answer.is_text:
        what = kind if kind not in (*HTML, TEXT) else f"called {kind}, but no text"
        raise Refused(
            f"this is no page: {what or 'of no content type'}; `api-calls` gets other content",
            content_type=kind[:100],
        )
    text = web.text(answer.held, charset_of(content_type, start))
    if kind == TEXT:
        return Page(text=text.replace("\r\n", "\n").strip()), kind
    return read_page(text), kind


def _title(page: Page, url: str, cut: list[str]) -> str:
    return _line(page.title or page.metadata.get("og:title", ""), "title", cut)


def _description(page: Page, url: str, cut: list[str]) -> str:
    found = page.metadata.get("description") or page.metadata.get("og:description", "")
    return _line(found, "description", cut)


def _language(page: Page, url: str, cut: list[str]) -> str:
    return _line(page.language, "language", cut)


def _canonical(page: Page, url: str, cut: list[str]) -> str | None:
    return _resolved(page.canonical, _base(page, url)) if page.canonical else None


def _headings(page: Page, url: str, cut: list[str]) -> list[dict[str, object]]:
    some = _first(
        (heading for heading in page.headings if heading[1]), MAX_HEADINGS, "headings", cut
    )
    return [{"level": level, "text": _line(text, "headings", cut)} for level, text in some]


def _text(page: Page, url: str, cut: list[str]) -> str:
    if len(page.text) > MAX_TEXT:
        _note("text", cut)
    return page.text[:MAX_TEXT]


def _links(page: Page, url: str, cut: list[str]) -> list[dict[str, object]]:
    """Each linked page once, with its first text that is not empty."""
    base, here = _base(page, url), urldefrag(url)[0]
    texts = dict[str, Link]()
    for link in page.links:  # resolving is expensive, so equal links are resolved once
        if link.href not in texts or not texts[link.href].text:
            texts[link.href] = link
    some = _first(texts.values(), MAX_WRITTEN, "links", cut)
    found = dict[str, Link]()
    for link in some:
        href = _resolved(link.href, base)
        if href is not None and href != here and not (href in found and found[href].text):
            found[href] = link
    links = _first(found.items(), MAX_LINKS, "links", cut)
    return [
        {"url": href, "text": _line(link.text, "links", cut), "rel": plain(link.rel)[:100]}
        for href, link in links
    ]


def _metadata(page: Page, url: str, cut: list[str]) -> dict[str, str]:
    some = _first(page.metadata.items(), MAX_METADATA, "metadata", cut)
    return {name[:100]: _line(value, "metadata", cut) for name, value in some}


def _base(page: Page, url: str) -> str:
    return (_resolved(page.base, url) if page.base else None) or url


def _resolved(href: str, base: str) -> str | None:
    """The absolute URL without its fragment. Returns None if it cannot be requested."""
    try:
        return parse_url(urljoin(base, href.strip())).text
    except (BadUrl, ValueError):
        return None


def _first(found: Iterable[Any], most: int, name: str, cut: list[str]) -> list[Any]:
    every = list(found)
    if len(every) > most:
        _note(name, cut)
    return every[:most]


def _line(text: str, name: str, cut: list[str]) -> str:
    if len(text) > MAX_LINE:
        _note(name, cut)
    return text[:MAX_LINE]


def _note(name: str, cut: list[str]) -> None:
    if name not in cut:
        cut.append(name)


EXTRACTS: dict[str, Callable[[Page, str, list[str]], object]] = {
    "title": _title,
    "description": _description,
    "language": _language,
    "canonical": _canonical,
    "headings": _headings,
    "text": _text,
    "links": _links,
    "metadata": _metadata,
}
