"""Parses a page: its visible text, and its metadata.

Text excludes scripts, styles and the like; white space is collapsed, and each block is a line.
Python's own parser reads it: the runtime's `HTMLRewriter` calls back for each tag, which costs ten
times as much, and does not decode references such as `&amp;`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import NamedTuple

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
HIDDEN = ("script", "style", "noscript", "template", "iframe", "object", "select", "textarea")
BLOCKS = (
    *("address", "article", "aside", "blockquote", "body", "dd", "details", "div", "dl", "dt"),
    *("fieldset", "figcaption", "figure", "footer", "form", "header", "li", "main", "nav", "ol"),
    *("p", "pre", "section", "summary", "table", "td", "th", "tr", "ul", "br", "hr"),
)
DECLARING = ("html", "meta", "link", "base")
MAX_PIECES = 60_000  # tags and the texts between them: about a second

_SPACE = re.compile(r"[ \t\r\n\f\v\u00a0]+")
_LINES = re.compile(r" ?\n[ \n]*")


class Link(NamedTuple):
    href: str
    rel: str
    text: str


class Page(NamedTuple):
    """A page's content as it is written; addresses are not resolved against its `base`."""

    text: str = ""
    title: str = ""
    language: str = ""
    metadata: Mapping[str, str] = {}
    headings: tuple[tuple[int, str], ...] = ()
    links: tuple[Link, ...] = ()
    canonical: str = ""
    base: str = ""
    is_cut: bool = False


def read_page(text: str) -> Page:
    """Never fails: HTML has no errors. It stops after `MAX_PIECES`."""
    reader = _Reader()
    try:
        reader.feed(text)
        reader.close()
    except (_Full, AssertionError):  # the latter, of Python's parser, for odd declarations
        return reader.page(is_cut=True)
    return reader.page(is_cut=False)


def plain(text: str) -> str:
    """One line."""
    return _SPACE.sub(" ", text).strip()


class _Full(Exception):
    """The limit of pieces was reached."""


class _Reader(HTMLParser):
    """The parser's state, and what it has read."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._pieces = 0
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

    def handle_data(self, text: str) -> None:
        self._count()
        if self._hidden:
            return
        if self._in_title and self._title is not None:
            self._title.append(text)
            return
        self._texts.append(_SPACE.sub(" ", text))
        if self._heading:
            self._heading[1].append(text)
        if self._link:
            self._link[2].append(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._count()
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
            values = _values(attrs)
            if values.get("href"):
                self._link = (values["href"], values.get("rel", ""), [])
        elif tag in DECLARING:
            self._declare(tag, _values(attrs))
        self._break(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag == "title":
            self._in_title = False
        elif tag in HEADINGS:
            self._end_heading()
        elif tag == "a":
            self._end_link()
        self._break(tag)

    def page(self, is_cut: bool) -> Page:
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
            is_cut=is_cut,
        )

    def _count(self) -> None:
        self._pieces += 1
        if self._pieces > MAX_PIECES:
            raise _Full

    def _declare(self, tag: str, values: Mapping[str, str]) -> None:
        """Reads a page's metadata; the first of several values counts."""
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


def _values(attrs: list[tuple[str, str | None]]) -> dict[str, str]:
    """The attributes of a tag; of a repeated name the first counts."""
    return {name: (value or "").strip() for name, value in reversed(attrs)}
