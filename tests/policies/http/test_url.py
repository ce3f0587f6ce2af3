"""Normalising: one spelling for every path, and the refused ones."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.balancing.choose import read_target
from policies.http.problems import Problem
from policies.http.url import (
    BadHost,
    BadPath,
    RequestTarget,
    host_of,
    normalise_path,
    parse_target,
)
from tests.policies.making import compiled

SAME = [
    ("/", "/"),
    ("", "/"),
    ("/a/b", "/a/b"),
    ("/%61/b", "/a/b"),
    ("/%7Euser", "/~user"),
    ("/%c3%a9", "/%C3%A9"),
    ("/é", "/%C3%A9"),
    ("/a/./b", "/a/b"),
    ("/a/../b", "/b"),
    ("/a/%2e%2E/b", "/b"),
    ("/a/.%2e/b", "/b"),
    ("/../../a", "/a"),
    ("/a/..", "/"),
    ("/a/b/..", "/a/"),
    ("/a/.", "/a/"),
    ("/a//b", "/a//b"),
    ("/a//../b", "/a/b"),
    ("/a;x=1/b", "/a;x=1/b"),
    ("/a b", "/a%20b"),
    ("/a%20b", "/a%20b"),
    ("/%2561", "/%2561"),  # not decoded twice
    ("/a%3Ab", "/a%3Ab"),  # reserved characters keep their spelling (RFC 3986, 2.2)
    ('/"<>^`{|}', "/%22%3C%3E%5E%60%7B%7C%7D"),
    ("/...", "/..."),
    ("/.well-known/x", "/.well-known/x"),
]


@pytest.mark.parametrize(("spelling", "path"), SAME)
def test_spelling(spelling: str, path: str) -> None:
    assert normalise_path(spelling) == path


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/a%2Fb", "an encoded slash"),
        ("/a%2fb", "an encoded slash"),
        ("/a\\b", "a backslash"),
        ("/a/..;/b", "a dot segment with parameters"),
        ("/a/%2e%2E;x", "a dot segment with parameters"),
        ("/.%3b/b", "a dot segment with parameters"),
        ("/%c0%ae", "an overlong encoding"),
        ("/%C1%9C", "an overlong encoding"),
        ("/%e0%80%af", "an overlong encoding"),
        ("/%F0%80%80%AF", "an overlong encoding"),
        ("/a%5cb", "an encoded backslash"),
        ("/a%00", "an encoded NUL"),
        ("/a\0", "a NUL"),
        ("/a%", "a broken percent-encoding"),
        ("/a%4", "a broken percent-encoding"),
        ("/a%zz", "a broken percent-encoding"),
        ("/%2e%2e%2fadmin", "an encoded slash"),
    ],
)
def test_refused(path: str, reason: str) -> None:
    assert normalise_path(path) == BadPath(reason)


def test_merging_slashes() -> None:
    assert normalise_path("//a///b/", merge_slashes=True) == "/a/b/"
    assert normalise_path("/a//../b", merge_slashes=True) == "/b"  # as /a/../b is


PIECES = st.sampled_from(
    [*"/.a%é;:@ ~?", "..", "%2e", "%2E", "%61", "%41", "%25", "%C3%A9", "//", "b"]
)
PATHS = st.lists(PIECES, max_size=12).map(lambda pieces: "/" + "".join(pieces))


@given(st.one_of(PATHS, st.text().map("/".__add__)), st.booleans())
def test_idempotent(path: str, merge: bool) -> None:
    once = normalise_path(path, merge)
    if isinstance(once, str):
        assert once.startswith("/")
        assert normalise_path(once, merge) == once


UNRESERVED = "abcdefgzAZ0189-._~"


@given(
    st.lists(st.text(UNRESERVED + "!$&'()*+,;=:@é ", max_size=6), max_size=5),
    st.randoms(use_true_random=False),
)
def test_no_two_spellings_get_different_answers(segments: list[str], rng: object) -> None:
    """Percent-encode unreserved characters at will, in either case, and add dot segments."""
    plain = "/" + "/".join(segments)

    def respell(character: str) -> str:
        if character == "/" or (character not in UNRESERVED and character.isascii()):
            return character
        choice = rng.randrange(3)  # type: ignore[attr-defined]
        encoded = "".join(f"%{byte:02x}" for byte in character.encode())
        return (character, encoded, encoded.upper())[choice]

    other = "".join(respell(character) for character in plain)
    other = re.sub("/", lambda _: "/" + "./" * rng.randrange(2), other)  # type: ignore[attr-defined]
    if plain.endswith("/") or not other.endswith("./"):
        assert normalise_path(other) == normalise_path(plain)


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("Example.COM", "example.com"),
        ("example.com:8787", "example.com"),
        ("example.com.", "example.com"),
        ("example.com.:80", "example.com"),
        ("under_score.example.com", "under_score.example.com"),
        ("[::1]", "[::1]"),
        ("[::1]:8787", "[::1]"),
    ],
)
def test_host(authority: str, host: str) -> None:
    assert host_of(authority) == host


@pytest.mark.parametrize(
    "authority",
    [
        *("", ".", ":80", "user:pass@example.com:80", "a..b", ".a", "a b", "a,b", "a%2eb"),
        *("a/b", "a?", "a#", "a:port", "a:123456", "[::1", "::1", "[]", "é.test", "a" * 64),
        ".".join(["a" * 63] * 4),
    ],
)
def test_what_is_no_host(authority: str) -> None:
    assert host_of(authority) is None


def test_target_keeps_the_query_and_the_origin() -> None:
    sent = "http://Example.com:81/%61/../b?x=%2F&y#frag"
    target = parse_target(sent, merge_slashes=False)
    expected = RequestTarget("http", "http://Example.com:81", "example.com", "/b", "?x=%2F&y", sent)
    assert target == expected
    assert expected.url == "http://Example.com:81/b?x=%2F&y"
    assert parse_target("http://h", False) == RequestTarget(
        "http", "http://h", "h", "/", "", "http://h"
    )
    assert parse_target("http://h?q", False) == RequestTarget(
        "http", "http://h", "h", "/", "?q", "http://h?q"
    )


def test_long_hosts_are_refused_and_not_remembered() -> None:
    long, before = "h" * 1_000, host_of.cache_info().currsize
    assert parse_target(f"https://{long}/", merge_slashes=False) == BadHost()
    refused = read_target(
        compiled(routes=[{"name": "r", "split": {"production": 1}}]), "https://h/", {"host": long}
    )
    assert isinstance(refused, Problem)
    assert refused.code == "bad-request"
    assert host_of.cache_info().currsize <= before + 1  # `h` itself
