"""Variants with a URL: which URLs are accepted, and how they are read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.http.url import parse_target
from policies.language.load import load
from policies.language.tooling.bindings import bindings_of, urls_of
from tests.policies.making import policy_text
from tests.support.examples import examples
from tests.support.private_hosts import PRIVATE_HOSTS
from workers_runtime.networks import is_public
from workers_runtime.urls import parse_url


def policy(url: object, **route: Any) -> bytes:
    return policy_text(
        variants={
            "old": {"url": url, "pool": "production"},
            "new": {"binding": "NEW", "pool": "canary"},
        },
        routes=[{"name": "r", "split": {"production": 1, "canary": 1}, **route}],
    )


def codes(url: object, *, allow_private: bool = False, **route: Any) -> set[str]:
    loaded = load(policy(url, **route), allow_private=allow_private)
    return {each.code for each in loaded.findings}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("https://old.example.com", "https://old.example.com"),
        ("HTTPS://Old.Example.COM:443/", "https://old.example.com"),
        ("https://old.example.com:8443/shop/", "https://old.example.com:8443/shop"),
        ("https://old.example.com./a/../b", "https://old.example.com/b"),
        ("https://bücher.example/%7euser", "https://xn--bcher-kva.example/~user"),
        ("https://old.example.com//a", "https://old.example.com//a"),
    ],
)
def test_it_is_written_in_one_spelling(written: str, read: str) -> None:
    loaded = load(policy(written))
    assert loaded.policy
    assert urls_of(loaded.policy) == {"old": read}
    assert bindings_of(loaded.policy) == {"new": "NEW"}
    again = load(policy(read))
    assert again.policy
    assert urls_of(again.policy) == {"old": read}


@pytest.mark.parametrize("host", PRIVATE_HOSTS)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_private_hosts_are_refused_in_every_spelling(scheme: str, host: str) -> None:
    assert codes(f"{scheme}://{host}:8080/a") == {"private-upstream"}
    assert "private-upstream" not in codes(f"{scheme}://{host}:8080/a", allow_private=True)


@examples(400)
@given(st.ip_addresses(), st.integers(0, 3))
def test_no_address_is_accepted(address: Any, spelling: int) -> None:
    """Neither a private one nor a public one, to which Cloudflare sends nothing."""
    host = f"[{address}]"
    if address.version == 4:
        n = int(address)
        host = [str(address), str(n), hex(n), f"0{n >> 24:o}.{hex(n & 0xFFFFFF)}"][spelling]
    expected = "upstream-by-address" if is_public(host, address) else "private-upstream"
    assert codes(f"https://{host}") == {expected}


@examples(400)
@given(st.text("aé./:%25eE2?#@[]\\ 0x-_~", max_size=20).map(lambda rest: f"https://{rest}"))
def test_what_is_accepted_is_a_base_that_no_path_leaves(url: str) -> None:
    """Whatever is written: what comes out is read alike by whoever reads URLs."""
    loaded = load(policy(url))
    if loaded.policy is None:
        return
    (base,) = urls_of(loaded.policy).values()
    assert base.isascii()
    assert not set("?#@\\ ") & set(base)
    target = parse_target(f"{base}/x?y", merge_slashes=False)
    assert hasattr(target, "path"), "the router itself reads it"
    assert parse_url(f"{base}/x?y").text == f"{base}/x?y"


@pytest.mark.parametrize("secret", ["https://u:geheim@a.example", "https://u:geheim@a.example/?q",
                                    "u:geheim@a.example", "https://geheim@10.0.0.1"])  # fmt: skip
def test_no_finding_repeats_a_password(secret: str) -> None:
    (finding,) = load(policy(secret)).findings
    assert finding.code == "bad-url"
    assert "geheim" not in finding.message + finding.hint


@pytest.mark.parametrize(
    ("hostnames", "found"),
    [
        (["old.example.com"], "old.example.com"),
        (["new.example.com", "*.example.com"], "*.example.com"),
        (["*.com"], "*.com"),
        (["example.com", "*.old.example.com"], None),
        ([], None),
    ],
)
def test_a_url_that_leads_back_is_doubtful(hostnames: list[str], found: str | None) -> None:
    more = {"hostnames": hostnames} if hostnames else {}
    told = load(policy("https://old.example.com/x", **more)).findings
    loops = [each for each in told if each.code == "upstream-loop"]
    assert [(each.path, each.severity) for each in loops] == (
        [("variants.old.url", "warning")] if found else []
    )
    assert all(f"`{found}`" in each.message for each in loops)


def test_a_rewritten_host_does_not_reach_a_url() -> None:
    rewrite = {"filters": {"rewrite": {"hostname": "a.example"}}}
    of_canary = {"split": {"production": 1, "canary": {"weight": 1, **rewrite}}}
    of_production = {"split": {"production": {"weight": 1, **rewrite}, "canary": 1}}
    url = "https://old.example.com"
    assert codes(url, **rewrite) == {"host-not-sent"}
    assert codes(url, **of_production) == {"host-not-sent"}
    assert codes(url, **of_canary) == set()
    assert codes(url, filters={"rewrite": {"path": {"full": "/a"}}}) == set()
