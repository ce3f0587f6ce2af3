"""Routes in the making, and what the language says about them.

The language itself judges each route, alone, before it joins the others: so no value is
checked twice in two ways, and what is imported is always valid. What it refuses is told at
its place in the manifest and goes:

- a match, by itself; a route without any left goes whole, as it must not match everything;
- a timeout, a sticky source, by itself: requests get to the same backends without;
- anything else with what the route does: it answers 500 instead, so that no filter that
  keeps somebody out is just missing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from policies.gateway.report import Manifest, Report
from policies.language.budget import Budget
from policies.language.findings import Path
from policies.language.found import Found, mapping_in
from policies.language.load import read_policy

MAX_TRIES = 20  # judgements of one route; each takes away all that the one before refused
_OPTIONAL = ("timeouts", "sticky", "failover")
_REFUSAL = {"status": 500}  # what the Gateway API wants where there is no valid backend


@dataclass(slots=True)
class Piece:
    """A match: `path` is where it stands in the manifest, `origins` where its parts do."""

    value: dict[str, Any]
    path: Path
    origins: dict[Path, Path] = field(default_factory=dict)


@dataclass(slots=True)
class Draft:
    """A route: `rest` is all but its name, hosts and matches; `path` is that of its rule."""

    manifest: Manifest
    path: Path
    name: str
    hosts: list[str]
    matches: list[Piece] = field(default_factory=list)
    rest: dict[str, Any] = field(default_factory=dict)
    origins: dict[Path, Path] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    matches_nothing: bool = False  # there were matches, and none is left
    lacks_matches: bool = False  # there were more than are left
    is_refused: bool = False  # something that it does is lost, which may be a guard
    secures: bool = False  # it sends HTTP clients to HTTPS, and passes over all others
    schemes: tuple[str, ...] = ()  # those that it is served by; all if none

    @property
    def route(self) -> dict[str, Any]:
        route: dict[str, Any] = {"name": self.name}
        if self.hosts != [""]:
            route["hostnames"] = self.hosts
        if any(piece.value for piece in self.matches):
            route["matches"] = [piece.value or {"path": {"prefix": "/"}} for piece in self.matches]
        return route | self.rest

    @property
    def rules(self) -> int:
        """How many rules the compiled policy has for it."""
        return len(self.hosts) * max(1, len(self.matches))

    def refuse(self, why: str) -> None:
        """Answer 500 instead of what the rule says."""
        self.rest, self.is_refused = {"respond": _REFUSAL}, True
        self.comments.append(f"500: {why}")

    def settle(self, steps: int, report: Report) -> int | None:
        """Take out what the language refuses. `steps` are left for regular expressions; what
        is left of them afterwards, or None if nothing is left of the route."""
        for _ in range(0 if self.matches_nothing else MAX_TRIES):
            budget = Budget(steps=steps)
            policy, found = read_policy(self._alone(), budget)
            if policy:
                return budget.steps
            for each in found:
                self._tell(each, report)
            if not self._prune([path[2:] for _, path, _, _ in found]):
                return None
        return None

    def _alone(self) -> dict[str, Any]:
        route = self.route
        pools = pools_of(route) or ["none"]
        variants = {pool: {"binding": f"B{at}", "pool": pool} for at, pool in enumerate(pools)}
        return {"version": 1, "variants": variants, "routes": [route]}

    def _tell(self, found: Found, report: Report) -> None:
        code, path, message, hint = found
        report.tell(self.manifest, self._origin(path[2:]), code, message, str(hint))

    def _origin(self, path: Path) -> Path:
        """The place in the manifest of what is nearest to `path`."""
        if path[:1] == ("matches",) and len(path) > 1 and isinstance(path[1], int):
            piece = self.matches[path[1]]
            return _nearest(piece.origins, path[2:], piece.path)
        return _nearest(self.origins, path, self.path)

    def _prune(self, paths: list[Path]) -> bool:
        """Whether anything is left."""
        numbers = {path[1] for path in paths if path[:1] == ("matches",) and len(path) > 1}
        if numbers:
            kept = [piece for at, piece in enumerate(self.matches) if at not in numbers]
            self.matches, self.lacks_matches = kept, True
            return bool(kept)
        if any(path[:1] in ((), ("name",), ("hostnames",), ("matches",)) for path in paths):
            return False
        for path in paths:
            if path[0] not in _OPTIONAL:
                if self.rest == {"respond": _REFUSAL}:
                    return False
                self.refuse("what the rule does was not carried over")
                return True
            self._drop(path)
        return True

    def _drop(self, path: Path) -> None:
        section = self.rest.get(str(path[0]))
        if isinstance(section, dict) and len(path) > 1:
            section.pop(str(path[1]), None)
        if not isinstance(section, dict) or len(path) == 1 or not section:
            self.rest.pop(str(path[0]), None)


def _nearest(origins: dict[Path, Path], path: Path, otherwise: Path) -> Path:
    for length in range(len(path), 0, -1):
        if path[:length] in origins:
            return origins[path[:length]]
    return otherwise


def pools_of(route: dict[str, Any]) -> list[str]:
    """The pools that a route uses."""
    split = mapping_in(route, "split")
    filters = [mapping_in(route, "filters")]
    filters += [mapping_in(share, "filters") for share in split.values()]
    mirrors = [mirror["pool"] for each in filters for mirror in each.get("mirrors", ())]
    pools = [pool for pool, share in split.items() if "backend" not in _as_mapping(share)]
    return list(dict.fromkeys([*pools, *mirrors]))


def _as_mapping(share: Any) -> dict[str, Any]:
    return share if isinstance(share, dict) else {}
