"""What a variant gets and what an answer gains."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random

import pytest

from policies.access.sticky import Source
from policies.balancing.choose import Forward
from policies.http import claims
from policies.http.claims import CLAIMS
from policies.proxy.decide import decide
from policies.proxy.phases.headers import (
    FreshDigits,
    fresh_digits,
    header_changes,
    response_headers,
    set_cookie,
    trace_of,
)
from tests.policies.making import NOW, compiled, request

POLICY = compiled(routes=[{"name": "r", "split": {"production": 1}}])


def forwarded(headers: dict[str, str], attempt: int = 1) -> dict[str, str]:
    asked = request("https://Example.com:8443/x", headers=headers, ip="9.9.9.9")
    outcome = decide(POLICY, asked, Random(1), NOW).outcome
    assert isinstance(outcome, Forward)
    trace = trace_of(headers, Random(1))
    changes = header_changes(asked, outcome.route, outcome.candidates[0], trace, attempt)
    return changes.on_mapping(headers)


def test_what_is_set() -> None:
    got = forwarded({"accept": "*/*", "x-forwarded-for": "6.6.6.6"}, attempt=2)
    assert got.pop("x-request-id")
    assert got.pop("traceparent")
    assert got == {
        "accept": "*/*",
        "x-forwarded-for": "9.9.9.9",
        "x-forwarded-host": "Example.com:8443",
        "x-forwarded-proto": "https",
        "x-router-route": "r",
        "x-router-variant": "production",
        "x-router-attempt": "2",
    }


@pytest.mark.parametrize(
    "name",
    [
        "connection",
        "forwarded",
        "keep-alive",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "x-router-key-id",
        "x-router-made-up",
        "cloudflare-workers-version-key",
        "cloudflare-workers-version-overrides",
        "x-forwarded-port",
    ],
)
def test_what_is_removed(name: str) -> None:
    assert "forged" not in forwarded({name: "forged"}).values()


@pytest.mark.parametrize(
    "name",
    [
        # 14.14
        *("proxy", "proxy-client-ip", "wl-proxy-client-ip", "x-original-forwarded-for"),
        *("x-envoy-original-path", "fastly-client-ip", "x-azure-clientip"),
        # others of the kind
        *("x-envoy-external-address", "x-azure-socketip", "x-azure-fdid", "fastly-ssl"),
        *("x-real-ip", "x_real_ip", "x.real.ip", "ali-cdn-real-ip", "x-cluster-client-ip"),
        *("x-original-uri", "x-original-method", "x-rewrite-url", "x-http-host-override"),
        *("x-forwarded", "x-forward-for", "forwarded-for", "x-originating-ip", "x-remote-addr"),
        *("x-appengine-user-ip", "fly-client-ip", "x-nf-client-connection-ip", "incap-client-ip"),
        *("cloudfront-viewer-address", "x-vercel-forwarded-for", "x-arr-ssl", "true-client-ip"),
        *("client-cert", "client-cert-chain", "ssl-client-verify", "x-ssl-client-cert"),
        *("x-ms-client-principal", "x-ms-client-principal-id", "x-goog-iap-jwt-assertion"),
        *("x-amzn-oidc-data", "x-auth-request-email", "remote-user", "x_remote_user"),
        # another spelling of what Cloudflare or the router says
        *("cf_connecting_ip", "cf_ipcountry", "x_request_id", "x.router.key.id"),
    ],
)
def test_claims_are_removed_by_their_pattern(name: str) -> None:
    assert name not in forwarded({name: "forged"})
    assert "forged" not in forwarded({name: "forged"}).values()


@pytest.mark.parametrize(
    "name",
    [
        *("x-client-version", "x-client-id", "x-client-name", "client-version", "x-real-name"),
        *("cf-connecting-ip", "cf-ray", "cf-ipcountry", "cdn-loop", "via", "x-amzn-trace-id"),
        *("x-user-ip", "x-device-id", "x-http-method-override", "origin", "referer", "host"),
        *("x-api-key", "x_api_key", "x-host-id", "remote-id", "ip", "x-vercel-id", "x-arrival"),
        *("x-proxied", "x-forwards", "sec-websocket-key", "x-ms-client-request-id"),
        *("x-amz-date", "x-amz-security-token", "x-goog-api-key", "destination", "fast"),
    ],
)
def test_what_is_no_claim_goes_on(name: str) -> None:
    assert forwarded({name: "given"})[name] == "given"


def test_the_documentation_has_every_pattern() -> None:
    """14.14: docs/security.md is true."""
    text = (Path(__file__).parents[4] / "docs" / "security.md").read_text(encoding="utf-8")
    after = text.partition("**Headers that clients may not set.**")[2]
    table = after.partition("\n\n")[2].partition("\n\n")[0]
    rows = [row.split("|")[1] for row in table.splitlines()[2:]]
    told = [sorted(re.findall(r"`([^`]+)`", row)) for row in rows]
    assert sorted(told) == sorted(sorted(patterns) for patterns in CLAIMS.values())


def test_connection_names_neither_the_host_nor_what_cloudflare_says() -> None:
    got = forwarded({"connection": "host, cf-ray, x-own", "host": "h", "cf-ray": "1", "x-own": "2"})
    assert (got["host"], got["cf-ray"], got.get("x-own")) == ("h", "1", None)


def test_what_connection_names_is_removed() -> None:
    got = forwarded({"connection": "close, X-Hop, x-router-route", "x-hop": "1", "x-end": "2"})
    assert "x-hop" not in got
    assert got["x-end"] == "2"
    assert got["x-router-route"] == "r"


def test_connection_cannot_take_away_what_the_edge_says() -> None:
    got = forwarded({"connection": "cf-ray, content-length", "cf-ray": "1", "content-length": "3"})
    assert (got["cf-ray"], got["content-length"]) == ("1", "3")


def test_the_state_of_a_trace_that_is_not_gone_on_with_is_dropped() -> None:
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert "tracestate" in forwarded({"traceparent": parent, "tracestate": "a=b"})
    assert "tracestate" not in forwarded({"traceparent": "broken", "tracestate": "a=b"})


def test_an_upgrade_to_websocket_goes_on() -> None:
    got = forwarded({"connection": "Upgrade", "upgrade": "WebSocket"})
    assert got["upgrade"] == "websocket"
    assert "upgrade" not in forwarded({"connection": "Upgrade", "upgrade": "h2c"})


def test_the_trace_goes_on_and_the_request_id_is_kept_if_well_formed() -> None:
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    trace = trace_of({"traceparent": parent, "x-request-id": "abc-12345"}, Random(1))
    assert trace.request_id == "abc-12345"
    assert trace.traceparent.startswith(parent[:36])
    assert trace.traceparent.endswith("-01")
    assert trace.traceparent != parent


@pytest.mark.parametrize(
    "parent",
    [
        "",
        "00-" + "0" * 32 + "-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-" + "0" * 16 + "-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "garbage",
    ],
)
def test_a_broken_trace_begins_anew(parent: str) -> None:
    trace = trace_of({"traceparent": parent}, Random(1))
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", trace.traceparent)


@pytest.mark.parametrize("bad", ["", "short", "with space", "x" * 129, "semi;colon", "ü" * 10])
def test_a_request_id_that_is_not_well_formed_is_replaced(bad: str) -> None:
    made = trace_of({"x-request-id": bad}, Random(1)).request_id
    assert re.fullmatch(r"[0-9a-f]{32}", made)


def test_answers_gain_an_id_and_who_answered() -> None:
    outcome = decide(POLICY, request(), Random(1), NOW).outcome
    assert isinstance(outcome, Forward)
    trace = trace_of({}, Random(1))
    variant = outcome.candidates[0]
    gained = response_headers(trace, outcome.route, variant, identify=True)
    assert gained == {
        "x-request-id": trace.request_id,
        "x-router-route": "r",
        "x-router-variant": "production",
    }
    assert list(response_headers(trace, outcome.route, variant, identify=False)) == ["x-request-id"]


def test_the_cookie_of_a_secure_request_is_secure() -> None:
    source = Source("cookie", "side", 3600)
    plain = "side=k; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"
    assert set_cookie(source, "k", secure=False) == plain
    assert set_cookie(source, "k", secure=True) == f"{plain}; Secure"


class Zeros(Random):
    """A source of random numbers that gives only zeros."""

    def getrandbits(self, k: int) -> int:
        return 0


@pytest.mark.parametrize("number", [1, 2, 64])
@pytest.mark.parametrize("rng", [Random(1), Zeros()])
def test_no_trace_and_no_span_is_all_zeros(rng: Random, number: int) -> None:
    drawn = fresh_digits(rng, number)
    assert len(drawn) == number
    for digits in drawn:
        assert re.fullmatch(r"(?!0{32})[0-9a-f]{32}(?!0{16})[0-9a-f]{16}", digits)


def test_digits_that_are_drawn_together_are_those_of_one_request_each() -> None:
    digits = FreshDigits(Random(1))
    drawn = [digits.next() for _ in range(500)]
    assert len({each[at : at + 16] for each in drawn for at in (0, 16, 32)}) == 1500
    first, again = FreshDigits(Random(2)), FreshDigits(Random(2))
    first.next()
    first.forget()
    assert first.next() != again.next(), "what was left has been forgotten"


@pytest.mark.parametrize("name", ["x-forwarded-" + "n" * 10_000, "x-" + "n" * 10_000])
def test_long_names_are_not_remembered(name: str) -> None:
    before = claims._is_claim.cache_info().currsize, claims._plain.cache_info().currsize
    assert claims.claims_among([name]) == ((name,) if "forwarded" in name else ())
    assert before == (claims._is_claim.cache_info().currsize, claims._plain.cache_info().currsize)
