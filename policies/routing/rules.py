"""The rules of routes as compiled: by hostname and path, in order of precedence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

from policies.basics.regex import Program
from policies.compiled.form.codec import Shared

Scheme = Literal["http", "https"]


class Demand(NamedTuple):
    """A header or query parameter that must have `value`, or match `program`."""

    name: str
    value: str | None
    program: Program | None = None


Demands = tuple[Demand, ...]


class Alternative(NamedTuple):
    """One alternative of a route. `route`: the route's position; `text`: for explanations; `taken`:
    the length of the path's prefix, None for any path."""

    route: int
    text: str
    taken: int = 0
    methods: Annotated[frozenset[str], Shared("methods")] | None = None
    headers: Demands = ()
    params: Demands = ()
    scheme: Scheme | None = None


class PatternAlternative(NamedTuple):
    """An alternative whose path must match `program`. `under`: the segments that all such paths
    begin with."""

    under: str
    program: Program
    rule: Alternative


@dataclass(slots=True)
class HostRules:
    """The rules of one hostname: by exact path, by prefix (without a slash at its end), and by
    regular expression."""

    exact: dict[str, tuple[Alternative, ...]]
    prefix: dict[str, tuple[Alternative, ...]]
    regex: tuple[PatternAlternative, ...]


ByHost = dict[str, HostRules]  # `*.…` for wildcards, "" for all
