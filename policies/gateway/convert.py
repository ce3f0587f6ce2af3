"""Kubernetes Gateway API manifests as a policy, and all that was not carried over.

Rules become routes, one by one, in the API's order of precedence between routes; the
router's own precedence does the rest, which is the API's. What cannot be carried over is a
finding with its place, and the policy comes without it, valid all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from policies.gateway.backends import Backends
from policies.gateway.drafts import Draft, pools_of
from policies.gateway.listeners import Attached, Listeners, isolated_hosts
from policies.gateway.names import Names, fitted
from policies.gateway.objects import read_objects
from policies.gateway.parents import attach, forces_https, tell_ports
from policies.gateway.report import Manifest, Report, Told
from policies.gateway.rules import RuleReader
from policies.gateway.write import Entry, policy_text
from policies.language.budget import MAX_POLICY_STEPS, Budget
from policies.language.check_routes import MAX_RULES
from policies.language.findings import Finding, Path
from policies.language.found import Key
from policies.language.load import load, read_policy
from policies.language.shadow import shadowed_routes

OUTPUT = "routes.yaml"  # what findings about the policy itself name as their file
_NO_BACKEND = {"none": Entry(["A policy has a variant; no route uses this one."],
                             {"binding": "NONE", "pool": "none"})}  # fmt: skip
_NOTES = (
    "",
    "Each backend is a variant, in a pool of its own: bind the Worker that stands for it in",
    "wrangler.toml, under the name that `binding` says.",
    "A timeout ends when an answer begins. A route without `timeouts` has `request: 100s`;",
    "the Gateway API leaves it open.",
)

Routes = list[tuple[Manifest, Attached]]


class Imported(NamedTuple):
    """`text` is the policy, or None if there is none; the numbers say what it holds."""

    text: str | None
    told: list[Told]
    routes: int = 0
    variants: int = 0

    @property
    def whole(self) -> bool:
        """Whether nothing was left out."""
        return all(told.finding.severity == "warning" for told in self.told)


def convert(files: Iterable[tuple[str, bytes]]) -> Imported:
    """The policy that manifests come to; `files` are pairs of a name and the bytes."""
    files = list(files)
    report = Report()
    objects = read_objects(files, report)
    listeners = Listeners(gateway for _, gateway in objects.gateways)
    routes: Routes = []
    for manifest, route in objects.routes:
        attached = attach(manifest, route, listeners, report)
        routes += [(manifest, attached)] if attached else []
    backends, taken = Backends(report), Names()
    drafts = [*_drafts(routes, listeners, backends, taken, report)]
    drafts.sort(key=lambda draft: not draft.secures)
    guards = _guards(_of(drafts, routes), taken)
    tell_ports(_of([d for d in drafts if not d.secures], routes), listeners, report)
    entries = _reached(drafts, [*guards], report)
    names = " ".join(name for name, _ in files)
    return _imported(f"Made by `router import {names}`.", entries, backends, report)


def _of(drafts: list[Draft], routes: Routes) -> Routes:
    """Those of the routes that the drafts are made of."""
    kept = {id(draft.manifest) for draft in drafts}
    return [(manifest, attached) for manifest, attached in routes if id(manifest) in kept]


def _drafts(
    routes: Routes, listeners: Listeners, backends: Backends, taken: Names, report: Report
) -> Iterator[Draft]:
    """The routes of all rules, as far as the language takes them."""
    steps, rules = MAX_POLICY_STEPS, 0
    for manifest, attached in routes:
        reader = RuleReader(manifest, attached.route, backends, report)
        for index, rule in enumerate(attached.route.spec.rules):
            if rule is None:
                continue
            secures = forces_https(rule, attached, listeners)
            if secures:
                _tell_https(manifest, index, report)
            for draft in reader.drafts(rule, index, attached.hosts, taken):
                left = draft.settle(steps, report)
                if left is None:
                    message = "nothing of what this rule matches is left, so it is left out"
                    hint = "mend what is told about it; until then its requests get other routes"
                    report.tell(manifest, draft.path, "not-carried-over", message, hint)
                    continue
                draft.secures = secures
                steps, rules = left, rules + draft.rules
                if rules > MAX_RULES:
                    message = f"hostnames times matches are more than {MAX_RULES:,} up to this "
                    message += "rule, which is left out with all after it"
                    hint = "import fewer routes at once"
                    report.tell(manifest, draft.path, "out-of-range", message, hint)
                    return
                yield draft


def _tell_https(manifest: Manifest, index: int, report: Report) -> None:
    message = "only requests that no other route of these hosts takes by a longer path, a header "
    message += "or the like are sent to HTTPS: the router does not tell ports apart"
    hint = "turn on `Always Use HTTPS` for the zone at Cloudflare"
    path = ("spec", "rules", index, Key("filters"))
    report.warn(manifest, path, "differs", message, hint)


def _guards(routes: Routes, taken: Names) -> Iterator[Entry]:
    """What answers 404 where a listener has no route for a request to its hosts."""
    for host in isolated_hosts([attached for _, attached in routes]):
        comment = f"A listener has {host} to itself: what it has no route for, no wider one gets."
        name = taken.first_free([fitted(f"isolated.{host.removeprefix('*.')}")])
        yield Entry([comment], {"name": name, "hostnames": [host], "respond": {"status": 404}})


def _reached(drafts: list[Draft], guards: list[Entry], report: Report) -> list[Entry]:
    """The routes in order, without those, and without their alternatives, that no request
    reaches."""
    entries = [*(Entry(draft.comments, draft.route) for draft in drafts), *guards]
    policy, _ = read_policy(_value(entries), Budget())
    if policy is None:
        return entries  # too many of them, which is told when the policy is read once more
    left_out: set[Path] = set()
    for code, path, message, _ in shadowed_routes(policy):
        place = path[1:2] if code == "duplicate-route" else path[1:]
        left_out.add(place)
        if (index := int(place[0])) < len(drafts):
            draft = drafts[index]
            origin = draft.matches[int(place[2])].path if place[2:] else draft.path
            hint = "change what the rule matches, or take it out"
            report.warn(draft.manifest, origin, code, message, hint)
    for index, entry in enumerate(entries):
        if matches := entry.value.get("matches"):
            kept = [m for at, m in enumerate(matches) if (index, "matches", at) not in left_out]
            entry.value["matches"] = kept
    return [entry for index, entry in enumerate(entries) if (index,) not in left_out]


def _value(entries: list[Entry]) -> dict[str, Any]:
    """A policy with these routes."""
    pools = dict.fromkeys(pool for entry in entries for pool in pools_of(entry.value))
    variants = {pool: {"binding": "B", "pool": pool} for pool in [*pools] or ["none"]}
    return {"version": 1, "variants": variants, "routes": [entry.value for entry in entries]}


def _imported(title: str, entries: list[Entry], backends: Backends, report: Report) -> Imported:
    """The policy as text, read once more, as whoever gets it will."""
    pools = dict.fromkeys(pool for entry in entries for pool in pools_of(entry.value))
    variants = {pool: backends.variant(pool) for pool in pools} or _NO_BACKEND
    text = policy_text([title, *_NOTES], variants, entries)
    if not entries:
        message = "there is no HTTPRoute that could be carried over"
        hint = "give files with HTTPRoutes (`kubectl get httproutes,gateways -A -o yaml`)"
        report.add(OUTPUT, Finding("empty", "routes", 1, 1, message, hint))
        return Imported(None, report.told())
    # What is doubtful in the manifests is so in the policy: `router validate` tells of it.
    findings = load(text.encode(), lint=False).findings
    for finding in findings:
        report.add(OUTPUT, finding)
    if findings:
        return Imported(None, report.told())
    return Imported(text, report.told(), len(entries), len(variants))
