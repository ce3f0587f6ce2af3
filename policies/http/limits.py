"""Size limits: requests that are too large are refused before they cost anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from policies.http.problems import Problem


class SizeLimits(NamedTuple):
    """Characters of the URL, number of headers, characters of all names and values."""

    url: int
    header_count: int
    header_size: int


class Sizes(NamedTuple):
    """The limits of one route: characters of the URL, bytes of the body (None: no limit)."""

    url: int
    body: int | None


def head_problem(
    limits: SizeLimits, url: str, headers: Mapping[str, str], at_most: int | None = None
) -> Problem | None:
    """Return why the URL or the headers are refused; None if they are not. `at_most`: an upper
    bound of their size, if known; usually it is small, and nothing needs to be counted."""
    if len(url) > limits.url:
        return _url_too_long(limits.url)
    if len(headers) > limits.header_count:
        detail = f"The request has more than {limits.header_count:,} headers."
        return Problem("headers-too-large", detail)
    if at_most is not None and at_most <= limits.header_size:
        return None
    if sum(map(len, headers)) + sum(map(len, headers.values())) > limits.header_size:
        detail = f"The request's headers have more than {limits.header_size:,} characters."
        return Problem("headers-too-large", detail)
    return None


def size_problem(sizes: Sizes, url: str, headers: Mapping[str, str]) -> Problem | None:
    """Return why a route refuses the URL, or a body of the announced length."""
    if len(url) > sizes.url:
        return _url_too_long(sizes.url)
    if sizes.body is not None and (content_length(headers) or 0) > sizes.body:
        return body_too_large(sizes.body)
    return None


def content_length(headers: Mapping[str, str]) -> int | None:
    """Return the length of the body, if it is announced."""
    text = headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def body_too_large(limit: int) -> Problem:
    return Problem("body-too-large", f"The request's body has more than {limit:,} bytes.")


def _url_too_long(limit: int) -> Problem:
    return Problem("url-too-long", f"The request's URL has more than {limit:,} characters.")


def has_content(headers: Mapping[str, str]) -> bool:
    """Return whether the headers announce a body. Over HTTP/2 they need not."""
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
