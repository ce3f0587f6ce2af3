"""A page, from its marks: the texts and tags that the runtime found, in order.

Text is what a reader would see: without scripts, styles and the like, its white space drawn
together, a line for each block. Texts and attributes come as they stand in the page, so
references such as `&amp;` are resolved here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import unescape
from html.entities import html5
from typing import NamedTuple

from agent.core.web.wire import Mark

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
HIDDEN = ("script", "style", "noscript", "template", "iframe", "object", "select", "textarea")
VOID = ("meta", "link", "base", "br", "hr", "img")
BLOCKS = (
    *("address", "article", "aside", "blockquote", "body", "dd", "details", "div", "dl", "dt"),
    *("fieldset", "figcaption", "figure", "footer", "form", "header", "li", "main", "nav", "ol"),
    *("p", "pre", "section", "summary", "table", "td", "th", "tr", "ul", "br", "hr"),
)
TAGS = ("html", "title", "a", *HEADINGS, *HIDDEN, "meta", "link", "base", *BLOCKS)
ATTRIBUTES = ("href", "rel", "name", "property", "content", "lang")
MAX_MARKS = 100_000

_SPACE = re.compile(r"[ \t\r\n\f\v\u00a0]+")
_LINES = re.compile(r" ?\n[ \n]*")
# In attributes old names without `;` stay as they are before `=`, letters and digits.
_REFERENCE = re.compile(
    r"&(?:#(?:[xX][0-9a-fA-F]+|[0-9]+);?|[A-Za-z][A-Za-z0-9]*(?:;|(?![=A-Za-z0-9;])))"
)


class Link(NamedTuple):
    href: str
    rel: str
    text: str


class Page(NamedTuple):
    """All as the page says it; addresses are not resolved against its `base`."""

    text: str = ""
    title: str = ""
    language: str = ""
    metadata: Mapping[str, str] = {}
    headings: tuple[tuple[int, str], ...] = ()
    links: tuple[Link, ...] = ()
    canonical: str = ""
    base: str = ""


def read_page(marks: Iterable[Mark]) -> Page:
    reader = _Reader()
    for mark in marks:
        if isinstance(mark, str):
            reader.text(mark)
        elif mark[0].startswith("/"):
            reader.end(mark[0][1:])
        else:
            pairs = zip(mark[1::2], mark[2::2], strict=True)
            values = {name: attribute(value) for name, value in pairs}
            reader.start(mark[0], values)
    return reader.page()


def attribute(text: str) -> str:
    """The value of an attribute, without references."""
    return _REFERENCE.sub(_resolved, text).strip()


def plain(text: str) -> str:
    """One line."""
    return _SPACE.sub(" ", text).strip()


def _resolved(match: re.Match[str]) -> str:
    found = match[0]
    is_known = found[1] == "#" or found[1:] in html5
    return unescape(found) if is_known else found


class _Reader:
    """Where in a page one is, and what has been read of it."""

    def __init__(self) -> None:
        self._hidden = 0
        self._texts = list[str]()
        self._title: list[str] | None = None
        self._in_title = False
        self._heading: tuple[int, list[str]] | None = None
        self._link: tuple[str, str, list[str]] | None = None
        self._base = self._language = self._canonical = ""
        self._metadata = dict[str, str]()
        self._headings = list[tuple[int, str]]()
        self._links = list[Link]()

    def text(self, raw: str) -> None:
        if self._hidden:
            return
        text = unescape(raw)
        if self._in_title and self._title is not None:
            self._title.append(text)
            return
        self._texts.append(_SPACE.sub(" ", text))
        if self._heading:
            self._heading[1].append(text)
        if self._link:
            self._link[2].append(text)

    def start(self, tag: str, values: Mapping[str, str]) -> None:
        if tag in HIDDEN:
            self._hidden += 1
        if self._hidden:
            return
        if tag == "title":
            self._in_title = self._title is None
            self._title = self._title or []
        elif tag in HEADINGS:
            self._end_heading()
            self._heading = (int(tag[1]), [])
        elif tag == "a":
            self._end_link()
            if values.get("href"):
                self._link = (values["href"], values.get("rel", ""), [])
        else:
            self._declare(tag, values)
        self._break(tag)

    def end(self, tag: str) -> None:
        if tag in HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag == "title":
            self._in_title = False
        elif tag in HEADINGS:
            self._end_heading()
        elif tag == "a":
            self._end_link()
        self._break(tag)

    def page(self) -> Page:
        self._end_heading()
        self._end_link()
        text = _LINES.sub("\n", "".join(self._texts)).strip()
        return Page(
            text=text,
            title=plain("".join(self._title or [])),
            language=self._language,
            metadata=self._metadata,
            headings=tuple(self._headings),
            links=tuple(self._links),
            canonical=self._canonical,
            base=self._base,
        )

    def _declare(self, tag: str, values: Mapping[str, str]) -> None:
        """What a page says about itself; the first one counts."""
        if tag == "meta" and "content" in values:
            name = values.get("property") or values.get("name")
            if name:
                self._metadata.setdefault(name.lower(), plain(values["content"]))
        elif tag == "base":
            self._base = self._base or values.get("href", "")
        elif tag == "link" and "canonical" in values.get("rel", "").lower().split():
            self._canonical = self._canonical or values.get("href", "")
        elif tag == "html":
            self._language = values.get("lang", "")

    def _break(self, tag: str) -> None:
        """Blocks begin and end lines."""
        if not self._hidden and (tag in BLOCKS or tag in HEADINGS):
            self._texts.append("\n")
            for parts in (self._heading and self._heading[1], self._link and self._link[2]):
                if parts is not None:
                    parts.append(" ")

    def _end_heading(self) -> None:
        if self._heading:
            level, texts = self._heading
            self._headings.append((level, plain("".join(texts))))
        self._heading = None

    def _end_link(self) -> None:
        if self._link:
            href, rel, texts = self._link
            self._links.append(Link(href, rel, plain("".join(texts))))
        self._link = None
