"""Headers that a client may not send: proxies and platforms use them to say what they know.

A Worker behind the router takes these headers for the word of the proxy in front of it. They are
matched by patterns, since every proxy has its own spelling of the same few claims. Spellings that
frameworks treat alike are alike here: `x_real_ip` and `x.real.ip` are `x-real-ip`. Headers about
the client's own program (`x-client-version`, `x-device-id`) pass, and so do Cloudflare's (`cf-*`)
and those of tracing, in exactly this spelling.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

# Clients choose names: only short ones are remembered, and only the last of them.
NAMES_REMEMBERED, LONG = 2_000, 64

# By what they claim, as docs/security.md has them; `*` stands for anything.
CLAIMS: dict[str, tuple[str, ...]] = {
    "the router": ("x-router-*", "cloudflare-workers-version-*"),
    "connection": (
        *("connection", "keep-alive", "proxy", "proxy-*", "te", "trailer"),
        *("transfer-encoding", "upgrade"),
    ),
    "origin": (
        *("forwarded", "forwarded-*", "x-forwarded", "x-forwarded-*", "x-forward-*"),
        *("client-ip", "*-client-ip", "*-clientip", "*-connecting-ip", "*-connection-ip"),
        *("real-ip", "*-real-ip", "remote-ip", "*-remote-ip", "remote-addr", "*-remote-addr"),
        *("x-originating-*", "x-proxy-*", "x-proxyuser-ip", "*-viewer-address"),
        *("x-custom-ip-authorization", "x-scheme", "x-url-scheme", "front-end-https"),
    ),
    "target": (
        *("x-original-*", "x-rewrite-*", "x-override-url", "x-host", "x-host-override"),
        *("x-http-host-override", "x-http-destinationurl", "x-real-host"),
        *("x-real-port", "x-real-proto"),
    ),
    "platform": (
        *("x-envoy-*", "x-azure-*", "fastly-*", "x-appengine-*", "cloudfront-*"),
        *("x-vercel-forwarded-*", "x-vercel-ip-*", "x-vercel-proxied-*"),
        *("fly-*", "x-nf-*", "x-arr-*", "x-ms-client-principal*", "x-goog-authenticated-user-*"),
        *("x-goog-iap-*", "x-amzn-oidc-*", "x-amzn-mtls-*"),
    ),
    "identity": (
        *("remote-user", "x-remote-user", "x-remote-group*", "x-auth-request-*", "x-webauth-*"),
        *("client-cert", "client-cert-chain", "x-client-cert*", "ssl-client-*", "x-ssl-*"),
    ),
}
_PATTERNS = (pattern for patterns in CLAIMS.values() for pattern in patterns)
_CLAIM = re.compile("|".join(re.escape(name).replace(r"\*", ".*") for name in _PATTERNS))
_SEPARATOR = re.compile(r"[^a-z0-9]")
# Cloudflare's and the router's own headers; other spellings of them are claims.
_OWN = re.compile(r"cf-.*|x-request-id|traceparent|tracestate")


def plain_name(name: str) -> str:
    """Return one spelling for all names that frameworks treat alike. `name` is in lower case."""
    return _plain(name) if len(name) <= LONG else _plain.__wrapped__(name)


def is_claim(name: str) -> bool:
    """Return whether a header with this lower-case name is removed from requests."""
    return _is_claim(name) if len(name) <= LONG else _is_claim.__wrapped__(name)


@lru_cache(NAMES_REMEMBERED)
def _plain(name: str) -> str:
    return _SEPARATOR.sub("-", name)


@lru_cache(NAMES_REMEMBERED)
def _is_claim(name: str) -> bool:
    plain = plain_name(name)
    if _OWN.fullmatch(plain):
        return name != plain
    return _CLAIM.fullmatch(plain) is not None


def claims_among(names: Iterable[str]) -> tuple[str, ...]:
    """Return those of `names` that are claims."""
    return tuple(filter(is_claim, names))
