"""What sites ask of robots: RFC 9309, its examples, and whatever else a file may hold."""

from __future__ import annotations

import fnmatch
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.web.robots import Rule, read_robots
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


@given(st.text("ab/*", max_size=8), st.booleans(), st.text("ab/", max_size=10))
@examples(200)
def test_patterns_are_those_of_shells(pattern: str, is_whole: bool, path: str) -> None:
    shell = fnmatch.translate(pattern if is_whole else f"{pattern}*")
    assert Rule(pattern + "$" * is_whole, True).fits(path) is bool(re.match(shell, path))


@given(st.text(max_size=300))
@examples(50)
def test_anything_is_a_file(text: str) -> None:
    read_robots(f"user-agent: *\ndisallow: {text}", AGENT).allow("/x")
