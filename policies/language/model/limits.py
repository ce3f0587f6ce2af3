"""The maximum sizes of requests, as pydantic models."""

from __future__ import annotations

from pydantic import Field

from policies.language.model.part import Part, at_least_one
from policies.language.values.values import Size

KIB = 1024
DEFAULT_URL = 16 * KIB  # Cloudflare accepts no longer one; RFC 9110 recommends at least 8,000
DEFAULT_HEADER_COUNT = 128  # browsers behind proxies send 20 to 40; Envoy accepts 100
DEFAULT_HEADER_SIZE = 64 * KIB  # a cookie has up to 4 KiB; Envoy accepts 60, Cloudflare 128


class RouteLimits(Part):
    """Limits of one route, instead of the policy's."""

    url: Size | None = Field(None, description="Maximum length of the URL.")
    body: Size | None = Field(None, description="Maximum size of the body.")

    def check(self) -> None:
        at_least_one(self)


class Limits(Part):
    """Maximum sizes of requests; larger ones are refused with 413, 414 or 431."""

    url: Size = Field(
        DEFAULT_URL,
        description="Maximum length of the URL as the client sent it.",
        examples=["16KiB"],
    )
    header_count: int = Field(
        DEFAULT_HEADER_COUNT, ge=1, le=10_000, description="Maximum number of header names."
    )
    header_size: Size = Field(
        DEFAULT_HEADER_SIZE,
        description="Maximum size of all header names and values together.",
        examples=["64KiB"],
    )
    body: Size | None = Field(None, description="Maximum size of the body; default: no limit.")
