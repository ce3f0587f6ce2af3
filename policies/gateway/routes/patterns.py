"""Converts regular expressions, which controllers of the Gateway API read in different ways.

- The router, like Envoy, matches the whole text. Other controllers search the text, or match
  the start of a path. The controller is known from a Gateway's class or a route's status.
- An expression is rewritten so that it has the same meaning here. If the controller is unknown,
  it is kept, and that is reported unless all readings are the same.
- Anchors are understood where an alternative starts or ends. Elsewhere they are kept, and the
  language refuses them.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Reading = Literal["whole", "beginning", "anywhere"]


class Readings(NamedTuple):
    """How a controller reads expressions for paths, and for headers and query parameters."""

    paths: Reading
    values: Reading


WHOLE = Readings("whole", "whole")
ANYWHERE = Readings("anywhere", "anywhere")
BEGINNING = Readings("beginning", "anywhere")
# By the start of a controller's name, then by the usual name of its class.
_CONTROLLERS = {
    "traefik.io/": ANYWHERE,
    "gateway.nginx.org/": BEGINNING,
    "konghq.com/": BEGINNING,
    "istio.io/": WHOLE,
    "gateway.envoyproxy.io/": WHOLE,
    "io.cilium/": WHOLE,
    "projectcontour.io/": WHOLE,
    "kgateway.dev/": WHOLE,
    "solo.io/": WHOLE,
}
_CLASSES = {
    **dict.fromkeys(("traefik", "traefik-hub"), ANYWHERE),
    **dict.fromkeys(("nginx", "nginx-gateway-fabric", "ngf"), BEGINNING),
    "kong": BEGINNING,
    **dict.fromkeys(("istio", "istio-remote", "eg", "envoy-gateway", "envoy"), WHOLE),
    **dict.fromkeys(("cilium", "contour", "kgateway", "gloo-gateway"), WHOLE),
}


def readings_of(controller: str) -> Readings | None:
    """Return the readings of a controller by its name, such as `traefik.io/gateway-controller`."""
    return next((r for name, r in _CONTROLLERS.items() if controller.startswith(name)), None)


def readings_of_class(name: str) -> Readings | None:
    """Return the readings of a class by its usual name, if its GatewayClass is not given."""
    return _CLASSES.get(name)


def rewritten(pattern: str, reading: Reading) -> str:
    """Return the expression that matches whole texts as `pattern` does in that reading."""
    flag = "(?i)" if pattern.startswith("(?i)") else ""
    parts = [_whole(part, reading) for part in _alternatives(pattern[len(flag) :])]
    joined = parts[0] if len(parts) == 1 else "|".join(f"(?:{part})" for part in parts)
    return flag + joined


def is_clear(pattern: str) -> bool:
    """Return whether all readings of an expression are the same."""
    return rewritten(pattern, "whole") == rewritten(pattern, "anywhere")


def _whole(part: str, reading: Reading) -> str:
    begins, ends = part.startswith("^"), _has_end(part, "$")
    body = part[begins : len(part) - ends]
    before = reading == "anywhere" and not begins and not body.startswith(".*")
    after = reading != "whole" and not ends and not _has_end(body, ".*")
    return f"{'.*' * before}{body}{'.*' * after}"


def _has_end(part: str, end: str) -> bool:
    """Return whether it ends with that character, not escaped."""
    before = part.removesuffix(end)
    backslashes = len(before) - len(before.rstrip("\\"))
    return before != part and backslashes % 2 == 0


def _alternatives(pattern: str) -> list[str]:
    """Return the parts between each `|` outside groups and classes."""
    parts, depth, at, begin = [], 0, 0, 0
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            at += 1
        elif char == "[":
            at = _class_end(pattern, at)
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char == "|" and depth == 0:
            parts.append(pattern[begin:at])
            begin = at + 1
        at += 1
    return [*parts, pattern[begin:]]


def _class_end(pattern: str, at: int) -> int:
    """Return the end of the class that starts at `at`; a first `]` is a member."""
    at += 2 if pattern[at + 1 : at + 2] == "^" else 1
    at += pattern[at : at + 1] == "]"
    while at < len(pattern) and pattern[at] != "]":
        at += 2 if pattern[at] == "\\" else 1
    return at
