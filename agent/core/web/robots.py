"""A site's `robots.txt`, as RFC 9309 says.

- All groups that name the agent count together, even if they have no rules; without one, those
  for `*`. Rules before the first group are ignored.
- Of the rules that match, the one with the most octets decides, and `allow` wins a tie. Without
  one, and for `/robots.txt` itself, the path is allowed.
- Both sides are compared in one spelling (section 2.2.2): unreserved characters decoded, all
  others encoded. Reserved characters match as they are, and encoded. Only the `/` of a path, and
  `?`, `&` and `=`, stand for themselves: `/a%2Fb` is not `/a/b`.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote

MAX_RULES = 1_000
ITSELF = "/robots.txt"
_NEW_LINE = re.compile(r"\r\n?|\n")
_LINE = re.compile(r"\s*([a-z-]+)\s*:\s*([^#]*)", re.IGNORECASE)
_NAME = re.compile(r"\*|[a-z_-]+", re.IGNORECASE)
_PERCENT = re.compile(r"%([0-9a-fA-F]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
_RESERVED = "!$%&'()*+,-./:;=@_~?[]"
_VERDICTS = {"allow": True, "disallow": False}


class Path(NamedTuple):
    """A path with its query, in both spellings: reserved characters as they are, and encoded."""

    plain: str
    encoded: str


class Rule(NamedTuple):
    """`plain` and `encoded`: the pattern; `*` is anything, `$` at its end is the end."""

    plain: str
    encoded: str
    is_allowed: bool

    def matches(self, path: Path) -> bool:
        return _matches(self.plain, path.plain) or _matches(self.encoded, path.encoded)


class Robots(NamedTuple):
    rules: tuple[Rule, ...] = ()

    def allow(self, rest: str) -> bool:
        """Whether a page may be read; `rest`: its path and query, as in a `Url`."""
        path = Path(_plain(rest), _encoded(rest))
        if path.plain == ITSELF:
            return True
        found = [(len(rule.plain), rule.is_allowed) for rule in self.rules if rule.matches(path)]
        return max(found, default=(0, True))[1]


def read_robots(text: str, product: str) -> Robots:
    """The rules for the robot `product`. Lines that are not understood are skipped."""
    groups = dict[str, list[Rule]]()
    names, is_open = set[str](), False
    for line in _NEW_LINE.split(text.lstrip("\ufeff")):
        field = _LINE.match(line)
        key, value = (field[1].lower(), field[2].strip()) if field else ("", "")
        if key == "user-agent":
            names = names if is_open else set()
            names |= {name[0].lower() for name in [_NAME.match(value)] if name}
            is_open = True
            for name in names:
                groups.setdefault(name, [])
        elif key in _VERDICTS:
            is_open = False
            for name in names & {product.lower(), "*"}:
                if value and len(groups[name]) < MAX_RULES:
                    groups[name].append(read_rule(value, _VERDICTS[key]))
    return Robots(tuple(groups.get(product.lower(), groups.get("*", []))))


def read_rule(pattern: str, is_allowed: bool) -> Rule:
    body = pattern.removesuffix("$")
    return Rule(_plain(pattern), _encoded(body, "*") + pattern[len(body) :], is_allowed)


def _matches(pattern: str, path: str) -> bool:
    first, *others = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    at = len(first)
    is_whole = pattern.endswith("$")
    last = others.pop() if others and is_whole else None
    for part in others:
        found = path.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    if last is not None:
        return path.endswith(last) and at <= len(path) - len(last)
    return at == len(path) or not is_whole


def _plain(text: str) -> str:
    return _PERCENT.sub(_decoded, quote(text, safe=_RESERVED))


def _encoded(text: str, special: str = "") -> str:
    """`special`: what stands for itself beside separators."""
    path, mark, query = text.partition("?")
    parts = quote(path, safe=f"%/{special}") + mark + quote(query, safe=f"%=&{special}")
    return _PERCENT.sub(_decoded, parts)


def _decoded(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if _UNRESERVED.fullmatch(character) else match[0].upper()
