"""Converts Kubernetes Gateway API manifests to a policy, with findings about the rest.

Each rule becomes a route, in the API's order of precedence between routes; within routes, the
router's precedence is that of the API. A part that cannot be carried over is a finding with its
place; the policy is valid without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from policies.basics.untyped import JsonObject
from policies.gateway.cluster.gateways import tell_refused
from policies.gateway.cluster.listeners import Hosts, Listeners, isolated_hosts
from policies.gateway.cluster.objects import Objects, read_objects
from policies.gateway.cluster.parents import attach, of_one_kind, tell_ports
from policies.gateway.output.drafts import Draft, pools_of
from policies.gateway.output.names import PolicyNames, fitted
from policies.gateway.output.report import ImportReport, ReportedFinding
from policies.gateway.output.write import YamlEntry, policy_text
from policies.gateway.routes.backends import Backends
from policies.gateway.routes.routes import Routes, RoutesReader
from policies.language.check.reach.precedence import overtaken_routes
from policies.language.check.reach.shadow import shadowed_routes
from policies.language.findings.findings import Finding, Path
from policies.language.load import load, read_policy
from policies.language.yaml.budget import Budget

OUTPUT = "routes.yaml"  # the file of findings about the policy itself
_NO_BACKEND = {"none": YamlEntry(["A policy has a variant; no route uses this one."],
                             {"binding": "NONE", "pool": "none"})}  # fmt: skip
_NOTES = (
    "",
    "Each backend is a variant in its own pool: bind the Worker that replaces it in",
    "wrangler.toml, under the name that `binding` says.",
    "A timeout ends when a response starts. A route without `timeouts` has `request: 100s`;",
    "the Gateway API leaves it open.",
)


class Imported(NamedTuple):
    """The result. `text`: the policy, or None if there is none; `routes`, `variants`: their
    numbers."""

    text: str | None
    findings: list[ReportedFinding]
    routes: int = 0
    variants: int = 0

    @property
    def whole(self) -> bool:
        """Return whether nothing was left out."""
        return all(imported.finding.severity == "warning" for imported in self.findings)


def convert(files: Iterable[tuple[str, bytes]], elsewhere: Hosts = ()) -> Imported:
    """Convert manifests to a policy; `files` are pairs of a name and bytes. `elsewhere`: the hosts
    of Gateways that are not among the files, "" for all."""
    files = list(files)
    report = ImportReport()
    objects = read_objects(files, report)
    listeners = _listeners(objects, report)
    routes = _attached(objects, listeners, report, elsewhere)
    backends, taken = Backends(report, objects.grants), PolicyNames()
    drafts = RoutesReader(objects, listeners, backends, taken, report).drafts(routes)
    objects.guards.tell(report)
    guards = _guards(_of(drafts, routes), taken)
    others = [draft for draft in drafts if not draft.secures]
    tell_ports(_of(others, routes), listeners, report)
    entries = _reached(drafts, [*guards], report)
    names = " ".join(name for name, _ in files)
    return _imported(f"Made by `router import {names}`.", entries, backends, report)


def _listeners(objects: Objects, report: ImportReport) -> Listeners:
    gateways = [gateway for _, gateway in objects.gateways]
    sets = [listener_set for _, listener_set in objects.sets.values()]
    listeners = Listeners(
        gateways, sets, told_of=objects.has_parents, namespaces=objects.namespaces
    )
    tell_refused(objects.sets, listeners, report)
    return listeners


def _attached(
    objects: Objects, listeners: Listeners, report: ImportReport, elsewhere: Hosts
) -> Routes:
    """Return the routes that are attached to a listener, with their hosts."""
    routes: Routes = []
    for manifest, kind, route in objects.routes:
        attached = attach(manifest, kind, route, listeners, report, elsewhere)
        routes += [(manifest, attached)] if attached else []
    return of_one_kind(routes, report)


def _of(drafts: list[Draft], routes: Routes) -> Routes:
    """Return the comments of the routes that the drafts are made of."""
    kept = {id(draft.manifest) for draft in drafts}
    return [(manifest, attached) for manifest, attached in routes if id(manifest) in kept]


def _guards(routes: Routes, taken: PolicyNames) -> Iterator[YamlEntry]:
    """Yield a route that answers 404 where a listener has no route for a request to its hosts."""
    for host in isolated_hosts([attached for _, attached in routes]):
        comment = f"A listener has {host} to itself: requests without a route do not go to "
        comment += "wider listeners."
        name = taken.first_free([fitted(f"isolated.{host.removeprefix('*.')}")])
        yield YamlEntry([comment], {"name": name, "hostnames": [host], "respond": {"status": 404}})


def _reached(drafts: list[Draft], guards: list[YamlEntry], report: ImportReport) -> list[YamlEntry]:
    """Return the routes in order, without unreachable routes and alternatives. Routes that others
    take precedence over get `first: false`, since it was so in the cluster."""
    entries = [*(YamlEntry(draft.comments, draft.route) for draft in drafts), *guards]
    policy, _ = read_policy(_value(entries), Budget())
    if policy is None:
        return entries  # too many; the finding comes when the policy is loaded again
    left_out: set[Path] = set()
    for code, path, message, _ in shadowed_routes(policy):
        place = path[1:2] if code == "duplicate-route" else path[1:]
        left_out.add(place)
        if (index := int(place[0])) < len(drafts):
            draft = drafts[index]
            origin = draft.matches[int(place[2])].path if place[2:] else draft.path
            hint = "change what the rule matches, or remove it"
            report.warn(draft.manifest, origin, code, message, hint)
    for _, path, _, _ in overtaken_routes(policy):
        entries[int(path[1])].value["first"] = False
    for index, entry in enumerate(entries):
        if matches := entry.value.get("matches"):
            kept = [m for at, m in enumerate(matches) if (index, "matches", at) not in left_out]
            entry.value["matches"] = kept
    return [entry for index, entry in enumerate(entries) if (index,) not in left_out]


def _value(entries: list[YamlEntry]) -> JsonObject:
    """Return a policy with these routes."""
    pools = dict.fromkeys(pool for entry in entries for pool in pools_of(entry.value))
    variants = {pool: {"binding": "B", "pool": pool} for pool in [*pools] or ["none"]}
    return {"version": 1, "variants": variants, "routes": [entry.value for entry in entries]}


def _imported(
    title: str, entries: list[YamlEntry], backends: Backends, report: ImportReport
) -> Imported:
    """Return the policy as text, after loading it again as its users will."""
    pools = dict.fromkeys(pool for entry in entries for pool in pools_of(entry.value))
    variants = {pool: backends.variant(pool) for pool in pools} or _NO_BACKEND
    text = policy_text([title, *_NOTES], variants, entries)
    if not entries:
        message = "there is no HTTPRoute or GRPCRoute that could be carried over"
        hint = "give files with routes (`kubectl get httproutes,grpcroutes,gateways -A -o yaml`)"
        report.add(OUTPUT, Finding("empty", "routes", 1, 1, message, hint))
        return Imported(None, report.findings())
    # Warnings about the policy come from the manifests; `router validate` reports them.
    findings = load(text.encode(), lint=False).findings
    for finding in findings:
        report.add(OUTPUT, finding)
    if findings:
        return Imported(None, report.findings())
    return Imported(text, report.findings(), len(entries), len(variants))
