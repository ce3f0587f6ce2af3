"""Which URLs may be asked: by their spelling, and by where their names lead."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.resilience.unreached import NOT_SENT
from router.edge.runtime.guard import UrlGuard
from tests.support.examples import examples
from tests.support.private_hosts import PRIVATE_HOSTS
from workers_runtime.networks import is_public_address

RESOLVER = "https://dns.example/q"
OLD = "https://old.example.com/base"


def answers(*addresses: object, ttl: int = 60, status: int = 0) -> str:
    """What a resolver says of both kinds of addresses."""
    told: dict[int, list[dict[str, Any]]] = {1: [], 28: []}
    for each in addresses:
        kind = 28 if ":" in str(each) else 1
        told[kind].append({"type": kind, "data": str(each), "TTL": ttl})
    return json.dumps([json.dumps({"Status": status, "Answer": told[kind]}) for kind in told])


def refusal(told: str) -> tuple[str, str]:
    read = json.loads(told)
    assert isinstance(read, dict), "it may be asked"
    return read["name"], read["message"]


@pytest.mark.parametrize("host", PRIVATE_HOSTS)
@pytest.mark.parametrize("resolver", ["", RESOLVER])
def test_private_hosts_are_refused_unless_that_is_lifted(host: str, resolver: str) -> None:
    url = f"http://{host}:8080/a"
    name, message = refusal(UrlGuard(resolver, allow_private=False).judge(url))
    assert name == "PrivateAddress"
    assert "no public host" in message
    assert UrlGuard(resolver, allow_private=True).judge(url) == "[]"


def test_names_are_looked_up_if_there_is_a_resolver() -> None:
    assert UrlGuard("", allow_private=False).judge(OLD) == "[]"
    assert json.loads(UrlGuard(RESOLVER, allow_private=False).judge(OLD)) == [
        f"{RESOLVER}?name=old.example.com&type=A",
        f"{RESOLVER}?name=old.example.com&type=AAAA",
    ]
    assert UrlGuard(RESOLVER, allow_private=True).judge(OLD) == "[]"


@pytest.mark.parametrize(
    ("told", "seconds", "error"),
    [
        (answers("93.184.215.14"), "60", ""),
        (answers("93.184.215.14", "2606:4700::1111", ttl=86_400), "300", ""),
        (answers("93.184.215.14", ttl=0), "10", ""),
        (answers("10.0.0.7"), "60", "PrivateAddress"),
        (answers("93.184.215.14", "::ffff:10.0.0.7"), "60", "PrivateAddress"),
        (answers("93.184.215.14", "169.254.169.254"), "60", "PrivateAddress"),
        (answers(), "10", "NoAddress"),
        (answers(status=3), "10", "NoAddress"),
        (answers("93.184.215.14", status=2), "0", "NoAddress"),
        ('["", "{}"]', "0", "NoAddress"),
        ('["<html>", "[]"]', "0", "NoAddress"),
    ],
)
def test_what_a_name_leads_to_decides(told: str, seconds: str, error: str) -> None:
    valid, why = UrlGuard(RESOLVER, allow_private=False).look_up(OLD, told).split("\n")
    assert valid == seconds
    assert (refusal(why)[0] if why else "") == error
    assert error in {"", *NOT_SENT}


@examples(300)
@given(st.lists(st.ip_addresses(), min_size=1, max_size=4))
def test_one_private_address_is_enough(addresses: list[Any]) -> None:
    _, why = UrlGuard(RESOLVER, allow_private=False).look_up(OLD, answers(*addresses)).split("\n")
    assert (why == "") == all(map(is_public_address, addresses))
