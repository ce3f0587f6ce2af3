"""Converts all rules of all routes to routes of `routes.yaml`, as far as the language allows.

- Rules with a guard that is not carried over answer 500.
- If one of the matches of a guarded rule is lost, its requests are unknown. Then all routes of
  its hosts answer 500, since one of them would take these requests without the guard.
"""

from __future__ import annotations

from collections.abc import Iterator

from policies.gateway.cluster.guards import Guarded
from policies.gateway.cluster.listeners import Attached, Listeners, intersection
from policies.gateway.cluster.objects import Objects
from policies.gateway.models.grpc_routes import AnyRule
from policies.gateway.output.drafts import Draft
from policies.gateway.output.names import PolicyNames
from policies.gateway.output.report import ImportReport, Manifest
from policies.gateway.routes.backends import Backends
from policies.gateway.routes.patterns import Readings, readings_of, readings_of_class
from policies.gateway.routes.rules import RuleReader
from policies.gateway.routes.secure import forces_https, name_schemes, schemes_of
from policies.language.check.routes import MAX_RULES
from policies.language.findings.found import list_in, mapping_in
from policies.language.yaml.budget import MAX_POLICY_STEPS

Routes = list[tuple[Manifest, Attached]]


class RoutesReader:
    """Reads all routes of an import; `_steps` and `_rules` are the remaining budget of the
    language."""

    def __init__(
        self,
        objects: Objects,
        listeners: Listeners,
        backends: Backends,
        taken: PolicyNames,
        report: ImportReport,
    ) -> None:
        self._objects, self._listeners, self._report = objects, listeners, report
        self._backends, self._taken = backends, taken
        self._steps, self._rules, self._is_full = MAX_POLICY_STEPS, 0, False
        self._unclear: list[Draft] = []

    def drafts(self, routes: Routes) -> list[Draft]:
        """Return the routes in order: those that redirect to HTTPS first."""
        drafts = [draft for manifest, attached in routes for draft in self._of(manifest, attached)]
        name_schemes(drafts)  # which may double matches
        drafts = self._within_bound(drafts)
        self._close(drafts)
        return sorted(drafts, key=lambda draft: not draft.secures)

    def _of(self, manifest: Manifest, attached: Attached) -> Iterator[Draft]:
        if attached.kind == "GRPCRoute":
            message = "Workers do not forward the trailers at the end of gRPC responses"
            hint = "use gRPC-Web or Connect, which have no trailers, or serve these calls elsewhere"
            self._report.warn(manifest, ("kind",), "differs", message, hint)
        readings = readings_for(manifest, attached, self._objects)
        reader = RuleReader(manifest, attached, readings, self._backends, self._report)
        for index, rule in enumerate(attached.route.spec.rules):
            if rule is None:
                continue
            for draft in reader.drafts(rule, index, attached.hosts, self._taken):
                if self._is_kept(draft, rule, attached):
                    draft.secures = forces_https(rule, attached, self._listeners)
                    draft.secures = draft.secures and not draft.is_refused
                    draft.schemes = schemes_of(attached, self._listeners)
                    yield draft

    def _is_kept(self, draft: Draft, rule: AnyRule, attached: Attached) -> bool:
        is_kept = self._fits(draft)
        guards = self._objects.guards
        guarded = Guarded(attached.kind, attached.route, rule, attached.parents)
        if whys := guards.of(guarded, draft.name):
            draft.refuse(f"{whys[0]} is not carried over")
        if draft.is_refused and (draft.lacks_matches or not is_kept):
            self._unclear.append(draft)
        return is_kept

    def _fits(self, draft: Draft) -> bool:
        """Return whether the language accepts a route, or a part of it."""
        if self._is_full:
            return False
        left = draft.settle(self._steps, self._report)
        if left is None:
            message = "none of the matches of this rule is left, so it is left out"
            hint = "fix the other findings about it; until then, its requests go to other routes"
            self._tell(draft, "not-carried-over", message, hint)
            return False
        if self._rules + draft.rules > MAX_RULES:
            self._tell_too_many(draft)
            self._is_full = True
            return False
        self._steps, self._rules = left, self._rules + draft.rules
        return True

    def _within_bound(self, drafts: list[Draft]) -> list[Draft]:
        """Return the drafts within the maximum number of rules, after schemes are added."""
        rules = 0
        for at, draft in enumerate(drafts):
            rules += draft.rules
            if rules > MAX_RULES:
                self._tell_too_many(draft)
                self._unclear += [draft for draft in drafts[at:] if draft.is_refused]
                return drafts[:at]
        return drafts

    def _tell_too_many(self, draft: Draft) -> None:
        message = f"there are more than {MAX_RULES:,} pairs of hostname and match up to this "
        message += "rule, which is left out with all after it"
        self._tell(draft, "out-of-range", message, "import fewer routes at once")

    def _close(self, drafts: list[Draft]) -> None:
        for unclear in self._unclear:
            message = "it is unknown which requests this guarded rule matches, so all routes of "
            message += "its hosts answer 500"
            hint = "fix the rule's matches, or protect these hosts in `routes.yaml`"
            self._tell(unclear, "not-carried-over", message, hint)
            for draft in drafts:
                if not draft.is_refused and _meet(unclear, draft):
                    draft.refuse(f"{unclear.name} is guarded, and its matches are not carried over")
                    draft.secures = False

    def _tell(self, draft: Draft, code: str, message: str, hint: str) -> None:
        self._report.tell(draft.manifest, draft.path, code, message, hint)


def _meet(one: Draft, other: Draft) -> bool:
    return any(
        intersection(mine, theirs) is not None for mine in one.hosts for theirs in other.hosts
    )


def readings_for(manifest: Manifest, attached: Attached, objects: Objects) -> Readings | None:
    """Return how the controllers of a route read expressions; None if unknown or different."""
    found: set[Readings | None] = set()
    classes = {
        (gateway.metadata.namespace, gateway.metadata.name): str(gateway.spec.gateway_class_name)
        for _, gateway in objects.gateways
    }
    for listener in attached.listeners:
        name = classes.get(listener.gateway, "")
        controller = objects.classes.get(name)
        found.add(readings_of(controller) if controller else readings_of_class(name))
    if not found:
        for parent in list_in(mapping_in(manifest.value, "status"), "parents"):
            controller = parent.get("controllerName") if isinstance(parent, dict) else None
            found.add(readings_of(controller) if isinstance(controller, str) else None)
    return found.pop() if len(found) == 1 else None
