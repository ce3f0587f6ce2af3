"""Where requests may go: every spelling of a private host is refused, unless it is named."""

# ruff: noqa: RUF001

from __future__ import annotations

import json
import subprocess
import sys
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.web.egress import Egress
from tests.support.examples import examples
from tests.support.private_hosts import PRIVATE_HOSTS
from workers_runtime.networks import is_public_address
from workers_runtime.urls import BadUrl, parse_url

ANY = Egress.of("*")
NODE = Path(sys.executable).parent / "node"

# What is no URL that anybody should send, however it is read.
BAD_URLS = (
    *("", "example.com", "//example.com", "http:/example.com", "http:example.com", "http://"),
    *("ftp://example.com/", "file:///etc/passwd", "gopher://example.com", "data:text/plain,x"),
    *("javascript:alert(1)", "blob:https://example.com/x", "ws://example.com", "unix:///socket"),
    *("http://user@example.com", "http://user:pass@example.com", "http://@example.com"),
    *("http://example.com@127.0.0.1", "http://127.0.0.1#@example.com", "http://a\\@example.com"),
    *("http://127.0.0.1\\@example.com", "http://example.com\\.evil.com", "http:\\\\example.com"),
    *("http://exa\tmple.com", "http://example.com/\nhost: x", "http://example.com/\r\n", "\x00"),
    *("http://exa mple.com", "http://example..com", "http://.example.com", "http://%31%32%37.1"),
    *("http://127.0.0.1%00.example.com", "http://[fe80::1%25eth0]", "http://[::1", "http://::1"),
    *("http://[::1]x", "http://[]", "http://[v1.x]", "http://example.com:0", "http://1.2.3.256"),
    *("http://example.com:65536", "http://example.com:x", "http://example.com:80:80"),
    *("http://1.2.3.4.5", "http://0x", "http://08.1.1.1", "http://a.0x7f", "http://4294967296"),
    *("http://loc\u00adalhost", "http://local\u200bhost.com", "http://\ufeffexample.com"),
    *("http://-example.com", "http://exa$mple.com", "http://" + "a" * 64 + ".com"),
    *("http://" + "a." * 127 + "com", "http://example.com/" + "a" * 8_000, "http://\ud800.com"),
)


@pytest.mark.parametrize("host", PRIVATE_HOSTS)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_private_hosts_are_refused(scheme: str, host: str) -> None:
    for url in (
        f"{scheme}://{host}",
        f"{scheme}://{host}:8080/x?y",
        f" {scheme.upper()}://{host}#",
    ):
        assert ANY.refused(url), url


@pytest.mark.parametrize("url", BAD_URLS)
def test_bad_urls_are_refused(url: str) -> None:
    assert ANY.refused(url)


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://example.com", "https://example.com/"),
        ("HTTPS://Example.COM.:443/a/../B?q=1#part", "https://example.com/a/../B?q=1"),
        ("http://example.com:8080", "http://example.com:8080/"),
        ("http://example.com/a b/ä?q=ö c", "http://example.com/a%20b/%C3%A4?q=%C3%B6%20c"),
        ("http://example.com/%41%zz?%", "http://example.com/%41%zz?%"),
        ("http://example.com?x", "http://example.com/?x"),
        ("http://134744072", "http://8.8.8.8/"),
        ("http://straße.example", "http://xn--strae-oqa.example/"),
        ("http://BÜCHER。example", "http://xn--bcher-kva.example/"),
        ("http://[2606:4700:0:0::1111]:8443", "http://[2606:4700::1111]:8443/"),
        ("http://a_b.example.com", "http://a_b.example.com/"),
    ],
)
def test_what_is_sent_is_what_was_checked(url: str, sent: str) -> None:
    assert ANY.check(url).text == sent


@pytest.mark.parametrize(
    ("patterns", "url", "allowed"),
    [
        ("", "https://example.com", False),
        ("*", "https://example.com", True),
        ("*", "https://example.com:25", False),
        ("*", "https://example.com:80", False),
        ("*", "https://example.com:1024", True),
        ("example.com", "https://example.com", True),
        ("example.com", "https://www.example.com", False),
        ("example.com", "https://example.com.evil.net", False),
        ("example.com", "https://notexample.com", False),
        ("*.example.com", "https://a.b.example.com", True),
        ("*.example.com", "https://example.com", False),
        ("*.example.com", "https://evilexample.com", False),
        ("https://example.com", "http://example.com", False),
        ("https://*", "https://other.net", True),
        ("https://*", "http://other.net", False),
        ("example.com:25", "http://example.com:25", True),
        ("example.com:8080", "http://example.com", False),
        ("a.com, b.com\nc.com", "http://c.com", True),
        ("http://localhost:9000", "http://localhost:9000/hook", True),
        ("http://localhost:9000", "http://localhost:9001", False),
        ("http://localhost:9000", "https://localhost:9000", False),
        ("* localhost", "http://127.0.0.1", False),
        ("127.0.0.1:9000", "http://0x7f.1:9000", True),
        ("127.0.0.1:9000", "http://localhost:9000", False),
        ("[::1]:9000", "http://[0::1]:9000", True),
        ("*.internal", "http://db.internal", False),
        ("db.internal", "http://db.internal", True),
        ("Bücher.example", "http://xn--bcher-kva.example", True),
    ],
)
def test_patterns(patterns: str, url: str, allowed: bool) -> None:
    refused = Egress.of(patterns).refused(url)
    assert (refused is None) is allowed, refused


@pytest.mark.parametrize(
    "text", ["ftp://x.com", "*.*", "a*b.com", "x.com/path", "x.com:0", "x.com:70000", "**", "x:y@z"]
)
def test_patterns_that_cannot_be_read_are_named(text: str) -> None:
    with pytest.raises(ValueError, match=r"pattern|port") as raised:
        Egress.of(f"example.com {text}")
    assert text in str(raised.value)


IPV4 = st.ip_addresses(v=4)
BASES = st.sampled_from(["{}", "0{:o}", "0x{:x}", "0X{:X}", "00{:o}", "0x00{:x}"])
DIGITS = st.sampled_from(["0123456789", "０１２３４５６７８９", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗"])


@given(IPV4, st.lists(BASES, min_size=4, max_size=4), st.integers(1, 4), DIGITS, st.booleans())
@examples(150)
def test_no_spelling_of_an_address_changes_what_is_said_of_it(
    address: IPv4Address, bases: list[str], count: int, digits: str, dot: bool
) -> None:
    number = int(address)
    firsts = [number >> (24 - 8 * at) & 255 for at in range(count - 1)]
    numbers = [*firsts, number % 256 ** (5 - count)]
    spelled = ".".join(base.format(n) for base, n in zip(bases, numbers, strict=False))
    spelled = spelled.translate({ord(str(n)): digits[n] for n in range(10)}) + "." * dot
    assert parse_url(f"http://{spelled}/").host == str(address)
    assert (ANY.refused(f"http://{spelled}/") is None) is is_public_address(address)


@given(st.ip_addresses(v=6))
@examples(100)
def test_public_ipv6_is_global(address: IPv6Address) -> None:
    assert not is_public_address(address) or address.is_global


@given(IPV4)
@examples(200)
def test_public_ipv4_is_global(address: IPv4Address) -> None:
    assert not is_public_address(address) or (address.is_global and not address.is_multicast)


PIECES = st.sampled_from(
    [
        *"abc019.:/@\\#?%[] -_\t",
        *("http://", "127", "0x7f", "localhost", "example.com", "[::1]", "..", "%2e", "xn--"),
        *("。", "１", "ß", "é", "\u0130", "\u200b"),
    ]
)


def test_runtimes_read_the_same_host() -> None:
    """What is sent leads the runtime's own reader to the host that was checked; and whatever
    is read here at all, it reads alike, or not at all."""
    urls = list[str]()

    @given(st.lists(PIECES, min_size=1, max_size=8))
    @examples(400)
    def collect(pieces: list[str]) -> None:
        urls.append("http://" + "".join(pieces))

    collect()
    urls += [f"http://{host}/" for host in PRIVATE_HOSTS] + list(BAD_URLS[:-1])
    code = (
        "const of = (url) => { try { return new URL(url).host } catch { return null } };"
        "const urls = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        "console.log(JSON.stringify(urls.map(of)))"
    )
    read = [url for url in urls if _parsed(url)]
    assert all(_parsed(_parsed(url)) == _parsed(url) for url in read), "it is written one way"
    asked = json.dumps([*read, *(_parsed(url) for url in read)])
    ran = subprocess.run(
        [NODE, "-e", code], input=asked, capture_output=True, text=True, check=True
    )
    hosts = json.loads(ran.stdout)
    given_hosts, sent_hosts = hosts[: len(read)], hosts[len(read) :]
    assert len(read) > 50
    for url, given_host, sent_host in zip(read, given_hosts, sent_hosts, strict=True):
        ours = _parsed(url).removeprefix("http://").partition("/")[0].partition("?")[0]
        assert sent_host in (ours, None), url
        assert given_host in (None, ours, ours + ".", ours.replace(":", ".:")), url


def _parsed(url: str) -> str:
    try:
        return parse_url(url).text
    except BadUrl:
        return ""
