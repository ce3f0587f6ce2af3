"""How large a request may be, as pydantic models; the defaults with their reasons."""

from __future__ import annotations

from pydantic import Field

from policies.language.part import Part, at_least_one
from policies.language.values import Size

KIB = 1024
DEFAULT_URL = 16 * KIB  # Cloudflare takes no longer one; RFC 9110 asks for 8,000 or more
DEFAULT_HEADER_COUNT = 128  # browsers behind proxies send 20 to 40; Envoy takes 100
DEFAULT_HEADER_SIZE = 64 * KIB  # cookies take 4 KiB each; Envoy takes 60, Cloudflare 128


class RouteLimits(Part):
    """Limits of one route, in place of the policy's."""

    url: Size | None = Field(None, description="Characters of the URL.")
    body: Size | None = Field(None, description="Bytes of the body.")

    def check(self) -> None:
        at_least_one(self)


class Limits(Part):
    """How large requests may be; larger ones are refused with 413, 414 or 431."""

    url: Size = Field(
        DEFAULT_URL, description="Characters of the URL as the client sent it.", examples=["16KiB"]
    )
    header_count: int = Field(
        DEFAULT_HEADER_COUNT, ge=1, le=10_000, description="Names of headers."
    )
    header_size: Size = Field(
        DEFAULT_HEADER_SIZE,
        description="Characters of all names and values of headers together.",
        examples=["64KiB"],
    )
    body: Size | None = Field(None, description="Bytes of the body; default: no limit.")
