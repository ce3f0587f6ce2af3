"""What sites ask of robots: RFC 9309, its examples, and whatever else a file may hold."""

from __future__ import annotations

import fnmatch
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.web.robots import Path, read_robots, read_rule
from tests.support.examples import examples

AGENT = "fiberwise-agent"


@pytest.mark.parametrize(
    ("rules", "path", "allowed"),
    [
        ("", "/x", True),
        ("disallow: /", "/", False),
        ("disallow:", "/x", True),
        ("disallow: /a", "/b", True),
        ("disallow: /a", "/abc?d", False),
        ("disallow: /a/", "/a", True),
        ("disallow: /a\nallow: /a/b", "/a/b/c", True),
        ("allow: /a/b\ndisallow: /a", "/a/c", False),
        ("disallow: /a\nallow: /a", "/a", True),
        ("disallow: *.gif$", "/x/y.gif", False),
        ("disallow: *.gif$", "/x/y.gif?z", True),
        ("disallow: /a*b*c", "/axbxc/d", False),
        ("disallow: /a*b*c", "/acb", True),
        ("disallow: /a$", "/a", False),
        ("disallow: /a$", "/ab", True),
        ("disallow: /a*a$", "/a", True),
        ("disallow: /ä b", "/%C3%A4%20b", False),
        ("disallow: /%7ea/%c3%a4", "/~a/%C3%A4", False),
        ("disallow: /x # but why", "/x", False),
        ("DISALLOW : /x", "/x", False),
        ("crawl-delay: 9\ndisallow: /x", "/x", False),
        ("nonsense\n: /x\ndisallow /x", "/x", True),
    ],
)
def test_rules(rules: str, path: str, allowed: bool) -> None:
    assert read_robots(f"user-agent: *\n{rules}", AGENT).allow(path) is allowed


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("disallow: /", True),
        ("user-agent: other\ndisallow: /", True),
        ("user-agent: other\nuser-agent: *\ndisallow: /", False),
        ("user-agent: *\ndisallow: /\nuser-agent: fiberwise-agent\nallow: /", True),
        ("user-agent: FiberWise-Agent/2.0\ndisallow: /\nuser-agent: *\nallow: /", False),
        ("user-agent: fiberwise-agents\ndisallow: /", True),
        ("user-agent: fiberwise-agent\nallow: /y\nuser-agent: z\nallow: /\n"
         "user-agent: fiberwise-agent\ndisallow: /", False),
        ("\ufeffuser-agent: *\r\ndisallow: /\r\n", False),
    ],
)  # fmt: skip
def test_groups(text: str, allowed: bool) -> None:
    assert read_robots(text, AGENT).allow("/x") is allowed


# RFC 9309, section 5.1. Its last line is no record, and is skipped.
SIMPLE = """\
User-Agent: *
Disallow: *.gif$
Disallow: /example/
Allow: /publications/

User-Agent: foobot
Disallow:/
Allow:/example/page.html
Allow:/example/allowed.gif

User-Agent: barbot
User-Agent: bazbot
Disallow: /example/page.html

User-Agent: quxbot

EOF
"""
# Section 5.2.
LONGEST = """\
User-Agent: foobot
Allow: /example/page/
Disallow: /example/page/disallowed.gif
"""
# Section 2.2.1: both groups of one robot count.
TWO_GROUPS = """\
user-agent: ExampleBot
disallow: /foo
disallow: /bar

user-agent: ExampleBot
disallow: /baz
"""


@pytest.mark.parametrize(
    ("file", "robot", "allowed", "disallowed"),
    [
        (
            SIMPLE,
            "otherbot",
            "/ /publications/ /publications/a /a.gif?b",
            "/a.gif /a/b.gif /example/",
        ),
        (SIMPLE, "otherbot", "/publications/a.gif", "/example/page.html /example/a.gif"),
        (SIMPLE, "foobot", "/example/page.html /example/allowed.gif", "/ /publications/ /example/"),
        (SIMPLE, "FooBot", "/example/page.html", "/"),
        (SIMPLE, "barbot", "/ /example/ /a.gif", "/example/page.html"),
        (SIMPLE, "bazbot", "/ /example/ /a.gif", "/example/page.html"),
        (SIMPLE, "quxbot", "/ /example/page.html /a.gif /publications/", ""),
        (LONGEST, "foobot", "/example/page/ /example/page/a.gif", "/example/page/disallowed.gif"),
        (TWO_GROUPS, "examplebot", "/ /fo", "/foo /bar /baz"),
    ],
)
def test_the_examples_of_the_rfc(file: str, robot: str, allowed: str, disallowed: str) -> None:
    for end in ("\n", "\r\n", "\r"):
        robots = read_robots(file.replace("\n", end), robot)
        assert [path for path in allowed.split() if not robots.allow(path)] == []
        assert [path for path in disallowed.split() if robots.allow(path)] == []


# Section 2.2.2: paths that are one when they are compared.
SAME = (
    ("/foo/bar?baz=quz", "/foo/bar?baz=quz"),
    ("/foo/bar?baz=https://foo.bar", "/foo/bar?baz=https%3A%2F%2Ffoo.bar"),
    ("/foo/bar/\u30c4", "/foo/bar/%E3%83%84"),
    ("/foo/bar/%E3%83%84", "/foo/bar/%e3%83%84"),
    ("/foo/bar/%62%61%7A", "/foo/bar/baz"),
    # Section 2.2.3: a rule encodes a `*` or `$` that it means literally.
    ("/path/file-with-a-%2A.html", "/path/file-with-a-*.html"),
    ("/path/foo-%24", "/path/foo-$"),
    ("/a[1]", "/a%5B1%5D"),
    ("/*=https://foo.bar", "/foo?baz=https://foo.bar"),
)
DIFFERENT = (
    ("/a%2Fb", "/a/b"),
    ("/a/b", "/a%2Fb"),
    ("/q?a=b%26c=d", "/q?a=b&c=d"),
    ("/path/file-with-a-%2A.html", "/path/file-with-a-b.html"),
    ("/path/foo-%24", "/path/foo-"),
    ("/Private", "/private"),
)


@pytest.mark.parametrize(("rule", "path"), SAME)
def test_one_path_may_be_written_in_several_ways(rule: str, path: str) -> None:
    assert not read_robots(f"user-agent: *\ndisallow: {rule}", AGENT).allow(path)
    if "*" not in path + rule and not path.endswith("$"):
        assert not read_robots(f"user-agent: *\ndisallow: {path}", AGENT).allow(rule)


@pytest.mark.parametrize(("rule", "path"), DIFFERENT)
def test_paths_that_differ(rule: str, path: str) -> None:
    assert read_robots(f"user-agent: *\ndisallow: {rule}", AGENT).allow(path)


@pytest.mark.parametrize(
    ("rules", "path", "allowed"),
    [
        # Section 2.2.3, in order: a comment, the end of a pattern, anything.
        ("allow: / # comment in line\n# comment on its own line", "/x", True),
        ("disallow: /this/path/exactly$", "/this/path/exactly", False),
        ("disallow: /this/path/exactly$", "/this/path/exactly/", True),
        ("disallow: /this/*/exactly", "/this/path/exactly", False),
        # Section 2.2.2: the file itself is always allowed, and a tie too.
        ("disallow: /", "/robots.txt", True),
        ("disallow: /", "/robots.txt.bak", False),
        ("disallow: /folder\nallow: /folder", "/folder/page", True),
        # The most octets decide, encoded or not.
        ("disallow: /a/b/c\nallow: /*d", "/a/b/cd", False),
        # Section 2.2.4: other records end no group.
        ("disallow: /x\nsitemap: https://example.com/s.xml\ndisallow: /y", "/y", False),
        # Section 2.2: lines end with CR, LF or both, and with nothing else.
        ("disallow: /x\x0b\x0cdisallow: /y", "/y", True),
    ],
)
def test_what_else_the_rfc_says(rules: str, path: str, allowed: bool) -> None:
    assert read_robots(f"user-agent: *\n{rules}", AGENT).allow(path) is allowed


def test_a_record_of_others_does_not_part_a_group() -> None:
    text = "user-agent: a\nsitemap: https://example.com/s.xml\nuser-agent: *\ndisallow: /"
    assert not read_robots(text, "a").allow("/x")


@given(st.text("ab/*", max_size=8), st.booleans(), st.text("ab/", max_size=10))
@examples(200)
def test_patterns_are_those_of_shells(pattern: str, is_whole: bool, path: str) -> None:
    shell = fnmatch.translate(pattern if is_whole else f"{pattern}*")
    rule = read_rule(pattern + "$" * is_whole, True)
    assert rule.matches(Path(path, path)) is bool(re.match(shell, path))


@given(st.text(max_size=300))
@examples(50)
def test_anything_is_a_file(text: str) -> None:
    read_robots(f"user-agent: *\ndisallow: {text}", AGENT).allow("/x")
