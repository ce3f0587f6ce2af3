"""Where a sticky key comes from."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.access.sticky import Source, network_of, sticky_key
from tests.policies.making import request

SOURCES = (
    Source("cookie", "side", 60),
    Source("header", "x-user", 0),
    Source("api_key", "authorization x-api-key", 0),
    Source("ip", "", 0),
)


@pytest.mark.parametrize(
    ("headers", "ip", "key", "kind"),
    [
        ({"cookie": "a=1; side=left; b=2", "x-user": "u"}, "1.2.3.4", "left", "cookie"),
        ({"cookie": 'side="quoted"'}, "", "quoted", "cookie"),
        ({"cookie": "beside=x; side2=y", "x-user": "u"}, "", "u", "header"),
        ({"cookie": "side=", "x-user": "u"}, "", "u", "header"),
        ({"authorization": "Bearer k1"}, "1.2.3.4", "k1", "api_key"),
        ({"authorization": "bearer  k1 "}, "", "k1", "api_key"),
        ({"authorization": "Basic k1"}, "1.2.3.4", "1.2.3.4", "ip"),
        ({"x-api-key": "k2"}, "", "k2", "api_key"),
        ({}, "1.2.3.4", "1.2.3.4", "ip"),
        ({}, "", "", None),
    ],
)
def test_the_first_source_that_has_one(
    headers: dict[str, str], ip: str, key: str, kind: str | None
) -> None:
    found, source = sticky_key(SOURCES, request(headers=headers, ip=ip))
    assert (found, source and source.kind) == (key, kind)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:0DB8:0001:0002::1", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("1.2.3.4", "1.2.3.5", False),
        ("not:an:address", "not:an:address", True),
    ],
)
def test_an_ipv6_client_is_its_network(one: str, other: str, same: bool) -> None:
    assert (network_of(one) == network_of(other)) == same


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:c000:201", "192.0.2.1"),
        ("0:0:0:0:0:ffff:192.0.2.1%eth0", "192.0.2.1"),
        ("64:ff9b::192.0.2.1", "192.0.2.1"),
        ("::ffff:0:192.0.2.1", "192.0.2.1"),
        ("::192.0.2.1", "192.0.2.1"),
        ("2002:c000:201::1", "192.0.2.1"),
        ("2002:c000:201:9::1", "192.0.2.1"),
        ("2001:0:c633:6401:8000:f00:3fff:fdfe", "192.0.2.1"),
        ("::1", "0000000000000000"),
        ("::", "0000000000000000"),
        ("2001:db8:ffff:c000:201::", "20010db8ffffc000"),
        ("64:ff9b:1::192.0.2.1", "0064ff9b00010000"),
        ("192.0.2.1", "192.0.2.1"),
    ],
)
def test_an_ipv6_address_that_stands_for_an_ipv4_address(ip: str, network: str) -> None:
    """14.13: eight clients behind a translator are not one."""
    assert network_of(ip) == network


@given(st.ip_addresses(v=4), st.sampled_from(["::ffff:{}", "64:ff9b::{}", "::ffff:0:{}"]))
def test_every_ipv4_address_is_one_client_however_it_comes(ip: IPv4Address, form: str) -> None:
    assert network_of(form.format(ip)) == network_of(str(ip)) == str(ip)


def test_the_api_key_is_read_from_the_headers_of_the_policy() -> None:
    both = {"authorization": "Bearer a", "x-api-key": "b"}
    for names, key in (("authorization x-api-key", "a"), ("x-api-key", "b"), ("x-other", "")):
        assert sticky_key((Source("api_key", names, 0),), request(headers=both))[0] == key
