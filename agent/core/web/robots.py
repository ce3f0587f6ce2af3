"""What a site asks of robots, in its `robots.txt` (RFC 9309).

The rules of the agent's own name count, else those for all. The longest pattern that fits
decides, and permission wins a tie. A site without the file allows everything.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote

MAX_RULES = 1_000
_LINE = re.compile(r"\s*([a-z-]+)\s*:\s*([^#]*)", re.IGNORECASE)
_NAME = re.compile(r"\*|[a-z_-]+", re.IGNORECASE)
_PERCENT = re.compile(r"%([0-9a-fA-F]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
_SAFE = "!$%&'()*+,-./:;=@_~?[]"
_ASKED = {"allow": True, "disallow": False}


class Rule(NamedTuple):
    """`pattern`: `*` is anything, `$` at its end is the end."""

    pattern: str
    is_allowed: bool

    def fits(self, path: str) -> bool:
        first, *others = self.pattern.removesuffix("$").split("*")
        if not path.startswith(first):
            return False
        at = len(first)
        is_whole = self.pattern.endswith("$")
        last = others.pop() if others and is_whole else None
        for part in others:
            found = path.find(part, at)
            if found < 0:
                return False
            at = found + len(part)
        if last is not None:
            return path.endswith(last) and at <= len(path) - len(last)
        return at == len(path) or not is_whole


class Robots(NamedTuple):
    rules: tuple[Rule, ...] = ()

    def allow(self, rest: str) -> bool:
        """`rest`: path and query, as in a `Url`."""
        path = _normal(rest)
        fitting = [rule for rule in self.rules if rule.fits(path)]
        return max(((len(pattern), allowed) for pattern, allowed in fitting), default=(0, True))[1]


def read_robots(text: str, product: str) -> Robots:
    """What is asked of the robot `product`; lines that make no sense are passed over."""
    groups = dict[str, list[Rule]]()
    names, is_open = set[str](), False
    for line in text.lstrip("\ufeff").splitlines():
        field = _LINE.match(line)
        key, value = (field[1].lower(), field[2].strip()) if field else ("", "")
        if key == "user-agent":
            names = names if is_open else set()
            names |= {name[0].lower() for name in [_NAME.match(value)] if name}
            is_open = True
        elif key in _ASKED:
            is_open = False
            for name in names & {product.lower(), "*"}:
                rules = groups.setdefault(name, [])
                if value and len(rules) < MAX_RULES:
                    rules.append(Rule(_normal(value), _ASKED[key]))
    return Robots(tuple(groups.get(product.lower(), groups.get("*", []))))


def _normal(text: str) -> str:
    """One spelling: what needs no encoding has none, what has one has it in upper case."""
    encoded = quote(text, safe=_SAFE)
    return _PERCENT.sub(_decoded, encoded)


def _decoded(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if _UNRESERVED.fullmatch(character) else match[0].upper()
