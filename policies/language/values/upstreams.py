"""The URL of a variant that is reached over the Internet.

It is the base that comes before the path of a request: scheme, host in ASCII, port if it is not the
scheme's default, and a path without a slash at its end. It is read by the rules by which it is sent
(`workers_runtime/urls.py`), so the URL that is checked is the one that is requested.
"""

from __future__ import annotations

from policies.http.url import BadPath, normalise_path
from policies.language.values.values import as_type, how_to_write, problem, read_text
from workers_runtime.urls import BadUrl, parse_url

EXAMPLE = "https://old.example.com"


def read_upstream_url(value: object) -> str:
    text = read_text(value, "a URL", f"`{EXAMPLE}`")
    if "@" in text:  # may be a password, which no message repeats
        message = "the URL has a user name or password"
        hint = "leave it out; `filters.request_headers` can set `authorization`"
        raise problem("bad-url", message, hint)
    shown = text[:80]
    if "://" not in text:
        hint = f"write `{EXAMPLE}`"
        meant = f"https://{text}"
        hint = how_to_write(meant if _is_url(meant) else None, hint)
        raise problem("bad-url", f"`{shown}` is not a whole URL", hint)
    if "?" in text or "#" in text:
        before = text.partition("#")[0].partition("?")[0]
        hint = how_to_write(before, "", "(each request brings its own query)")
        raise problem("bad-url", f"`{shown}` has a query or a fragment", hint)
    try:
        url = parse_url(text)
    except BadUrl as why:
        hint = f"write a URL such as `{EXAMPLE}` or `{EXAMPLE}/shop`"
        raise problem("bad-url", f"`{shown}`: {why}", hint) from None
    path = normalise_path(url.rest)
    if isinstance(path, BadPath):
        raise problem("bad-url", f"the path of `{shown}` contains {path.reason}", "change the path")
    return url.origin + path.rstrip("/")


def _is_url(text: str) -> bool:
    try:
        parse_url(text)
    except BadUrl:
        return False
    return True


UpstreamUrl = as_type(
    read_upstream_url, {"type": "string", "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://[^/?#@]+(/[^?#]*)?$"}
)
