"""The one spelling of a URL, which is matched, authenticated and forwarded.

RFC 3986, section 6.2.2: percent-encoded unreserved characters are decoded, other percent-encodings
are written in upper case, dot segments are removed. Characters that a path must not have are
percent-encoded as UTF-8. Repeated slashes are kept unless the policy merges them. Encoded slashes,
backslashes (plain or encoded), NUL, overlong UTF-8, dot segments with parameters (`..;x`), broken
percent-encodings and malformed hosts are refused, because programs behind a router disagree about
them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

_UNRESERVED = r"A-Za-z0-9._~\-"
_PCHAR = rf"{_UNRESERVED}!$&'()*+,;=:@"
# A path in its one spelling: no percent, no dot segment, no doubled slash.
_CLEAN = re.compile(rf"/|(?:/(?!\.\.?(?:[/;]|\Z))[{_PCHAR}]+)+/?", re.ASCII)
_ENCODED = re.compile(r"%([0-9A-Fa-f]{2})")
_BROKEN = re.compile(r"%(?![0-9A-Fa-f]{2})")
_DECODED = {
    f"{code:02X}": chr(code)
    for code in range(128)
    if re.fullmatch(rf"[{_UNRESERVED}]", chr(code), re.ASCII)
}
_REFUSED = {"2F": "an encoded slash", "5C": "an encoded backslash", "00": "an encoded NUL"}
_SLASHES = re.compile(r"/{2,}")
# Overlong UTF-8 (RFC 3629, section 3), such as `%C0%AF` for a slash.
_OVERLONG = re.compile(r"%(?:C[01]|E0%[89]|F0%8)", re.IGNORECASE)
_DOTS_WITH_PARAMETERS = re.compile(r"/\.\.?(?:;|%3B)")
# RFC 3986, section 3.2, without user information (RFC 9110, section 4.2.4).
_LABEL = r"[A-Za-z0-9_-]{1,63}"
_AUTHORITY = re.compile(
    rf"({_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:.]{{2,45}}\])\.?(?::[0-9]{{0,5}})?", re.ASCII
)
_MAX_HOST = 253  # characters (RFC 1035, section 2.3.4)
OWN = "/.router"  # the path of the router's own pages, and their prefix
_HOSTS_REMEMBERED = 1_000
LONGEST = 300  # characters of an authority or origin; valid hosts are shorter


@dataclass(frozen=True, slots=True)
class BadPath:
    """Why a path is refused. `reason` completes "the path contains …"."""

    reason: str


@dataclass(frozen=True, slots=True)
class BadHost:
    """The host of the URL is malformed."""


class RequestTarget(NamedTuple):
    """The parts of a URL: `host` in lower case without port; `path` normalised; `query` raw, with
    its leading `?` (empty if there is none); `origin` as in the request; `sent`: the whole URL as
    it came."""

    scheme: str
    origin: str
    host: str
    path: str
    query: str
    sent: str

    @property
    def is_own(self) -> bool:
        """Whether the request is for a page of the router itself."""
        return self.path == OWN or self.path.startswith(f"{OWN}/")

    @property
    def authority(self) -> str:
        """Host and port as the client wrote them."""
        return self.origin[len(self.scheme) + 3 :]

    @property
    def port(self) -> str:
        """The port as the client wrote it, "" if it did not."""
        return self.authority.rpartition("]")[2].partition(":")[2]

    @property
    def url(self) -> str:
        return f"{self.origin}{self.path}{self.query}"


def parse_target(url: str, merge_slashes: bool) -> RequestTarget | BadPath | BadHost:
    """Return the parts of an absolute `http(s)` URL, or why it is refused."""
    shown = url.partition("#")[0] if "#" in url else url
    mark = shown.find("?")
    before, query = (shown, "") if mark < 0 else (shown[:mark], shown[mark:])
    slash = before.find("/", before.find("://") + 3)
    origin, path = (before, "") if slash < 0 else (before[:slash], before[slash:])
    scheme, host = _parts_of(origin) if len(origin) <= LONGEST else ("", None)
    if host is None:
        return BadHost()
    if not _CLEAN.fullmatch(path):
        normal = normalise_path(path, merge_slashes)
        if isinstance(normal, BadPath):
            return normal
        path = normal
    return RequestTarget(scheme, origin, host, path, query, url)


@lru_cache(_HOSTS_REMEMBERED)
def _parts_of(origin: str) -> tuple[str, str | None]:
    """Return the scheme and the host; None if the host is malformed."""
    scheme, _, authority = origin.partition("://")
    return scheme, host_of(authority)


@lru_cache(_HOSTS_REMEMBERED)
def host_of(authority: str) -> str | None:
    """Return the host of `Host.Example.:8080`: lower case, without port or trailing dot; None if
    malformed."""
    found = _AUTHORITY.fullmatch(authority)
    return found[1].lower() if found and len(found[1]) <= _MAX_HOST else None


def normalise_path(path: str, merge_slashes: bool = False) -> str | BadPath:
    """Return the one spelling of `path`. Idempotent."""
    if _CLEAN.fullmatch(path):
        return path
    if _BROKEN.search(path):
        return BadPath("a broken percent-encoding")
    if "\\" in path:
        return BadPath("a backslash")
    if "\0" in path:
        return BadPath("a NUL")
    for code in _ENCODED.findall(path):
        if code.upper() in _REFUSED:
            return BadPath(_REFUSED[code.upper()])
    if _OVERLONG.search(path):
        return BadPath("an overlong encoding")
    path = _ENCODED.sub(_decode, path)
    if _DOTS_WITH_PARAMETERS.search(path):
        return BadPath("a dot segment with parameters")
    path = quote(path, safe="/%!$&'()*+,;=:@~", errors="replace")
    path = path if path.startswith("/") else f"/{path}"
    return _remove_dot_segments(_SLASHES.sub("/", path) if merge_slashes else path)


def _decode(match: re.Match[str]) -> str:
    code = match[1].upper()
    return _DECODED.get(code, f"%{code}")


def _remove_dot_segments(path: str) -> str:
    """Remove dot segments (RFC 3986, section 5.2.4) from a path that begins with a slash."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            if kept:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)
