"""Regular expressions, which controllers of the Gateway API read in different ways.

- The router, like Envoy, compares the whole text. Others find an expression anywhere in it, or
  at the beginning of a path. Which controller it is, a Gateway's class or a route's status says.
- An expression is written anew so that it means here what it meant there. Where nobody knows
  the controller, it stays as it is, and that is told unless all readings are the same.
- Anchors count where an alternative begins or ends. Anywhere else they stay, and the language
  refuses them.
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
# By the beginning of a controller's name, then by the usual name of its class.
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
    """Those of a controller by its name, such as `traefik.io/gateway-controller`."""
    return next((r for name, r in _CONTROLLERS.items() if controller.startswith(name)), None)


def readings_of_class(name: str) -> Readings | None:
    """Those of a class whose GatewayClass is not given, by its usual name."""
    return _CLASSES.get(name)


def rewritten(pattern: str, reading: Reading) -> str:
    """The expression that says of the whole text what `pattern` says in that reading."""
    flag = "(?i)" if pattern.startswith("(?i)") else ""
    parts = [_whole(part, reading) for part in _alternatives(pattern[len(flag) :])]
    joined = parts[0] if len(parts) == 1 else "|".join(f"(?:{part})" for part in parts)
    return flag + joined


def is_clear(pattern: str) -> bool:
    """Whether all readings of an expression are the same."""
    return rewritten(pattern, "whole") == rewritten(pattern, "anywhere")


def _whole(part: str, reading: Reading) -> str:
    begins, ends = part.startswith("^"), _has_end(part, "$")
    body = part[begins : len(part) - ends]
    before = reading == "anywhere" and not begins and not body.startswith(".*")
    after = reading != "whole" and not ends and not _has_end(body, ".*")
    return f"{'.*' * before}{body}{'.*' * after}"


def _has_end(part: str, end: str) -> bool:
    """Whether it ends so, without a backslash before it."""
    before = part.removesuffix(end)
    backslashes = len(before) - len(before.rstrip("\\"))
    return before != part and backslashes % 2 == 0


def _alternatives(pattern: str) -> list[str]:
    """The parts between `|` that stand in no group and no class."""
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
    """Where the class that begins at `at` ends; `]` is a member if it comes first."""
    at += 2 if pattern[at + 1 : at + 2] == "^" else 1
    at += pattern[at : at + 1] == "]"
    while at < len(pattern) and pattern[at] != "]":
        at += 2 if pattern[at] == "\\" else 1
    return at
