"""Drafts of routes, and their validation by the language.

The language validates each route before it joins the others, so values are checked in one place
only, and the imported policy is always valid. A refused part is reported at its place in the
manifest and removed:

- a match alone; a route without any match left is removed, since it must not match everything;
- a timeout or a sticky source alone, since requests still get to the same backends;
- anything else with the action of the route, which then answers 500, so that a filter that
  protects it is not just missing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from policies.basics.untyped import JsonObject
from policies.gateway.output.report import ImportReport, Manifest
from policies.language.findings.findings import Path
from policies.language.findings.found import Found, list_in, mapping_in
from policies.language.load import read_policy
from policies.language.yaml.budget import Budget

MAX_TRIES = 20  # validations of one route; after each, the refused parts are removed
_OPTIONAL = ("timeouts", "sticky", "failover")
_REFUSAL = {"status": 500}  # as the Gateway API requires without a valid backend


@dataclass(slots=True)
class Piece:
    """A match: `path` is its place in the manifest, `origins` the places of its parts."""

    value: JsonObject
    path: Path
    origins: dict[Path, Path] = field(default_factory=dict)


@dataclass(slots=True)
class Draft:
    """A route: `rest` is all but its name, hosts and matches; `path` is the place of its rule."""

    manifest: Manifest
    path: Path
    name: str
    hosts: list[str]
    matches: list[Piece] = field(default_factory=list)
    rest: JsonObject = field(default_factory=dict)
    origins: dict[Path, Path] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    matches_nothing: bool = False  # there were matches, but none is left
    lacks_matches: bool = False  # there were more than are left
    is_refused: bool = False  # a part of its action is lost, which may be a guard
    secures: bool = False  # it redirects HTTP clients to HTTPS, and skips all others
    schemes: tuple[str, ...] = ()  # the schemes it serves; empty: all

    @property
    def route(self) -> JsonObject:
        route: JsonObject = {"name": self.name}
        if self.hosts != [""]:
            route["hostnames"] = self.hosts
        if any(piece.value for piece in self.matches):
            route["matches"] = [piece.value or {"path": {"prefix": "/"}} for piece in self.matches]
        return route | self.rest

    @property
    def rules(self) -> int:
        """Return the number of its rules in the compiled policy."""
        return len(self.hosts) * max(1, len(self.matches))

    def refuse(self, why: str) -> None:
        """Answer 500 instead of the rule's action."""
        self.rest, self.is_refused = {"respond": _REFUSAL}, True
        self.comments.append(f"500: {why}")

    def settle(self, steps: int, report: ImportReport) -> int | None:
        """Remove the parts that the language refuses. `steps`: the budget for regular expressions.
        Returns the remaining budget, or None if nothing is left of the route."""
        for _ in range(0 if self.matches_nothing else MAX_TRIES):
            budget = Budget(steps=steps)
            policy, found = read_policy(self._alone(), budget)
            if policy:
                return budget.steps
            for found_problem in found:
                self._tell(found_problem, report)
            if not self._prune([path[2:] for _, path, _, _ in found]):
                return None
        return None

    def _alone(self) -> JsonObject:
        route = self.route
        pools = pools_of(route) or ["none"]
        variants = {pool: {"binding": f"B{at}", "pool": pool} for at, pool in enumerate(pools)}
        return {"version": 1, "variants": variants, "routes": [route]}

    def _tell(self, found: Found, report: ImportReport) -> None:
        code, path, message, hint = found
        report.tell(self.manifest, self._origin(path[2:]), code, message, str(hint))

    def _origin(self, path: Path) -> Path:
        """Return the place in the manifest that is nearest to `path`."""
        if path[:1] == ("matches",) and len(path) > 1 and isinstance(path[1], int):
            piece = self.matches[path[1]]
            return _nearest(piece.origins, path[2:], piece.path)
        return _nearest(self.origins, path, self.path)

    def _prune(self, paths: list[Path]) -> bool:
        """Return whether anything is left."""
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
                self.refuse("the action of the rule was not carried over")
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


def pools_of(route: JsonObject) -> list[str]:
    """Return the pools that a route uses."""
    split = mapping_in(route, "split")
    filters = [mapping_in(route, "filters")]
    filters += [mapping_in(share, "filters") for share in split.values()]
    mirrors = [
        str(mirror["pool"])
        for entry in filters
        for mirror in list_in(entry, "mirrors")
        if isinstance(mirror, dict)
    ]
    pools = [pool for pool, share in split.items() if "backend" not in _as_mapping(share)]
    return list(dict.fromkeys([*pools, *mirrors]))


def _as_mapping(share: object) -> JsonObject:
    return share if isinstance(share, dict) else {}
