"""Pages as their readers see them; and whatever is no page at all does no harm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.web.charsets import charset_of, is_text
from agent.core.web.html import MAX_PIECES, Page, read_page
from tests.support.examples import examples


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("plain", "plain"),
        ("<p>a</p><p>b</p>", "a\nb"),
        ("<p>a<b>b</b> \n <i>c</i>", "ab c"),
        ("<ul><li>a<li>b</ul>c", "a\nb\nc"),
        ("a<br>b<br/>c<hr>d", "a\nb\nc\nd"),
        ("<table><tr><td>a<td>b<tr><td>c</table>", "a\nb\nc"),
        ("a&nbsp;&amp;&#32;&lt;b&gt;&copy", "a & <b>©"),
        ("<script>if (a < b) '</p>'</script><style>p{}</style>x", "x"),
        ("<noscript>a</noscript><template>b<template>c</template>d</template>x", "x"),
        ("<!-- a --><![CDATA[b]]><!doctype c>x", "x"),
        ("<title>a</title>x", "x"),
        ("<div> a </div>\n\n\n<div>  b</div>", "a\nb"),
        ("", ""),
    ],
)
def test_text(html: str, text: str) -> None:
    assert read_page(html).text == text


def test_what_a_page_says_about_itself() -> None:
    page = read_page(
        "<html lang=de-AT><title> A\n&amp; B </title><title>second</title><base href=/b/>"
        "<base href=/c/>"
        "<meta NAME=Description content=' what &quot;it&quot; is '>"
        "<meta name=description content=x>"
        "<meta property=og:title content=T><meta name=empty><link rel='x Canonical' href=/canon>"
        "<h1>One<br>two</h1><h3>three<h2>four</h2>"
    )
    assert page == Page(
        text="second\nOne\ntwo\nthree\nfour",
        title="A & B",
        language="de-AT",
        metadata={"description": 'what "it" is', "og:title": "T"},
        headings=((1, "One two"), (3, "three"), (2, "four")),
        canonical="/canon",
        base="/b/",
    )


def test_links() -> None:
    page = read_page(
        "<a href='/a?b=1&amp;c=2' rel=nofollow>A <b>link</b><a href=x>open<a name=y>no</a>"
        "<a href>no</a><a href=first href=second>z</a>"
    )
    found = [("/a?b=1&c=2", "nofollow", "A link"), ("x", "", "open"), ("first", "", "z")]
    assert list(page.links) == found


@pytest.mark.parametrize(
    "html", ["<b>" * (MAX_PIECES + 1), "<" * (MAX_PIECES + 9), "<b>x" * MAX_PIECES]
)
def test_pieces_have_a_budget(html: str) -> None:
    assert read_page("<title>t</title>" + html).is_cut


PARTS = st.sampled_from(
    [
        *("<", ">", "</", "/>", "<!--", "-->", "<![CDATA[", "]]>", "<!", "<?", "&", "&#x", ";"),
        *("=", "'", '"', " ", "\n", "\0", "a", "href", "title", "script", "template", "svg"),
        *("<p>", "</p>", "<a href=x>", "</a>", "<title>", "</script>", "<h1>", "<base href=//[>"),
    ]
)


@given(st.lists(PARTS, max_size=30))
@examples(100)
def test_anything_is_a_page(parts: list[str]) -> None:
    page = read_page("".join(parts))
    assert not page.is_cut or "<!" in "".join(parts)
    assert "\n\n" not in page.text


@pytest.mark.parametrize(
    ("content_type", "start", "charset"),
    [
        ("text/html; charset=ISO-8859-2", "", "iso-8859-2"),
        ('text/html;charset="utf-8"; x', "", "utf-8"),
        ("text/html", '<meta charset="Shift_JIS">', "shift_jis"),
        ("text/html", "<meta http-equiv=x content='text/html; charset=koi8-r'>", "koi8-r"),
        ("text/html", "<meta charset=utf-16>", "utf-8"),
        ("text/html", " " * 1024 + "<meta charset=koi8-r>", "utf-8"),
        ("text/html; charset=koi8-r", "\xef\xbb\xbf", "utf-8"),
        ("text/html", "\xff\xfe<\0", "utf-16le"),
        ("text/plain", "<meta charset=koi8-r>", "utf-8"),
        ("text/html; charset=base64", "", "utf-8"),
        ("text/html", "<meta charset=base64>", "utf-8"),
        ("", "", "utf-8"),
    ],
)
def test_charsets(content_type: str, start: str, charset: str) -> None:
    assert charset_of(content_type, start) == charset


@pytest.mark.parametrize(
    ("content_type", "start", "is_it"),
    [
        ("text/html", "<p>", True),
        ("application/problem+json; charset=utf-8", "{}", True),
        ("image/svg+xml", "<svg>", True),
        ("", "ok", True),
        ("image/png", "\x89PNG", False),
        ("text/html", "\x89PNG\0", False),
        ("text/html", "\xff\xfe<\0", True),
        ("application/octet-stream", "ok", False),
    ],
)
def test_what_is_text(content_type: str, start: str, is_it: bool) -> None:
    assert is_text(content_type, start) is is_it
