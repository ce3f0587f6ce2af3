"""Converts a rule of an HTTPRoute or GRPCRoute to a route of `routes.yaml`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from policies.basics.durations import duration_text
from policies.basics.untyped import JsonObject
from policies.gateway.cluster.listeners import Attached
from policies.gateway.models.grpc_routes import AnyRule, GrpcMatch, GrpcRule
from policies.gateway.models.http_routes import (
    DEFAULT_NAMESPACE,
    GROUP,
    Retry,
    Rule,
    SessionPersistence,
    Timeouts,
)
from policies.gateway.output.drafts import Draft
from policies.gateway.output.names import PolicyNames, fitted
from policies.gateway.output.report import ImportReport, Manifest
from policies.gateway.routes.backends import Backends
from policies.gateway.routes.filters import FilterReader, Filters
from policies.gateway.routes.matches import MatchReader
from policies.gateway.routes.patterns import Readings
from policies.gateway.routes.shares import ON_THE_WAY, ShareReader
from policies.language.findings.findings import Path
from policies.language.findings.found import KeyOf
from policies.language.model.failover import MAX_ATTEMPTS
from policies.language.model.policy import DEFAULT_REQUEST_TIMEOUT_MS

DEFAULT_RETRIES = 2  # Istio's default; the API leaves it to implementations
_NO_ANSWER = ("connect", "timeout")  # which the API always retries
DEFAULT_SESSION = "session"  # the API leaves it to implementations
NO_BACKEND = {"HTTPRoute": 500, "GRPCRoute": 503}  # 503 is UNAVAILABLE for gRPC clients


class RuleReader:
    """Reads the rules of one route."""

    def __init__(
        self,
        manifest: Manifest,
        attached: Attached,
        readings: Readings | None,
        backends: Backends,
        report: ImportReport,
    ) -> None:
        self._manifest, self._report = manifest, report
        self._kind = attached.kind
        self._home = attached.route.metadata.namespace
        self._name = attached.route.metadata.name
        self._matches = MatchReader(manifest, readings, report)
        self._filters = FilterReader(manifest, self._home, backends, report)
        self._shares = ShareReader(manifest, self._home, backends, report, self._filters)

    def drafts(
        self, rule: AnyRule, index: int, hosts: list[str], taken: PolicyNames
    ) -> Iterator[Draft]:
        """Yield the routes of a rule. A route either has hostnames or serves all hosts, so a rule
        that serves all hosts and also some with more precedence needs two."""
        named = [host for host in hosts if host]
        # The name is the seed of sticky splits, so it depends only on the rule.
        home = [self._home] if self._home != DEFAULT_NAMESPACE else []
        wish = fitted("-".join((*home, self._name, rule.name or str(index))))
        name = taken.first_free([wish])
        if named:
            yield self._draft(rule, index, name, named)
        if len(named) < len(hosts):
            other = taken.first_free([fitted(f"{wish}.any")]) if named else name
            draft = self._draft(rule, index, other, [""])
            if named and "split" in draft.rest:
                draft.rest["seed"] = name  # a client gets the same pool in both
            yield draft

    def _draft(self, rule: AnyRule, index: int, name: str, hosts: list[str]) -> Draft:
        path: Path = ("spec", "rules", index)
        draft = Draft(self._manifest, path, name, hosts)
        line = self._manifest.place(path)[0]
        title = f"rule {rule.name or index}"
        draft.comments.append(
            f"{self._kind} {self._home}/{self._name}, {title} ({self._manifest.file}:{line})"
        )
        for at, match in enumerate(rule.matches):
            if match:
                draft.matches += self._matches.read(match, (*path, "matches", at))
            else:
                draft.lacks_matches = True
        if isinstance(rule, GrpcRule) and not rule.matches:
            draft.matches += self._matches.read(GrpcMatch(), path)  # every call, no other request
        draft.matches_nothing = bool(rule.matches) and not draft.matches
        self._act(draft, rule, path)
        if "split" in draft.rest:
            self._stick(draft, rule.session_persistence, (*path, "sessionPersistence"))
            self._wait(draft, rule.timeouts if isinstance(rule, Rule) else None, path)
            self._retry(draft, rule.retry if isinstance(rule, Rule) else None, path)
        else:
            self._unused(
                path, [n for n in ("timeouts", "retry", "sessionPersistence") if n in rule.named]
            )
        return draft

    def _act(self, draft: Draft, rule: AnyRule, path: Path) -> None:
        """Set the action: a redirect, a split, or 500."""
        if self._delegates(draft, rule, path):
            return
        filters = self._filters.read(rule.filters, (*path, "filters"), "the rule answers 500")
        redirects = "redirect" in filters.value
        split = self._shares.read(draft, rule.backend_refs, filters, (*path, "backendRefs"))
        draft.origins |= {("filters", *key): origin for key, origin in filters.origins.items()}
        if filters.lost:
            draft.refuse("a filter was not carried over")
            return
        if "redirect" in filters.value:
            if split and redirects:
                message = "a rule with a redirect forwards nothing"
                where = (*path, KeyOf("backendRefs"))
                self._warn(where, "unused-field", message, "leave out one of the two")
            self._answer(draft, filters)
        elif not split:
            status = NO_BACKEND[self._kind]
            draft.comments.append(f"{status}: the rule has no valid backend")
            draft.rest["respond"] = {"status": status}
            self._answer(draft, filters)
        else:
            if filters.value:
                draft.rest["filters"] = filters.value
            draft.rest["split"] = split

    def _answer(self, draft: Draft, filters: Filters) -> None:
        """Keep only the filters of responses on a route that forwards nothing."""
        for name in [name for name in ON_THE_WAY if name in filters.value]:
            message = "this has no effect on a rule that forwards nothing"
            origin = filters.origins.get((name,)) or filters.origins[name, 0]
            self._warn(origin, "unused-field", message, "leave it out")
            del filters.value[name]
        if filters.value:
            draft.rest["filters"] = filters.value

    def _delegates(self, draft: Draft, rule: AnyRule, path: Path) -> bool:
        """Return whether the rule delegates to other routes; then it is refused as a whole."""
        for at, ref in enumerate(rule.backend_refs):
            if ref and (ref.group, ref.kind) in ((GROUP, "HTTPRoute"), (GROUP, "GRPCRoute")):
                message = "the rule delegates to other routes, which is not carried over; "
                message += "it answers 500"
                hint = "combine both in `routes.yaml`"
                where = (*path, "backendRefs", at, "kind")
                self._report.tell(self._manifest, where, "not-carried-over", message, hint)
                draft.refuse("what the rule delegates to was not carried over")
                return True
        return False

    def _wait(self, draft: Draft, timeouts: Timeouts | None, rule: Path) -> None:
        if timeouts is None:
            return
        path = (*rule, "timeouts")
        request_ms, attempt_ms = timeouts.request, timeouts.backend_request
        value = {}
        if (
            request_ms is None
            and attempt_ms is not None
            and attempt_ms > DEFAULT_REQUEST_TIMEOUT_MS
        ):
            request_ms = 0  # the router's default must not end the attempt earlier
        if request_ms is not None:
            value["request"] = duration_text(request_ms)
        if attempt_ms:
            value["backend_request"] = duration_text(attempt_ms)
        draft.origins["timeouts", "request"] = (*path, "request")
        draft.origins["timeouts", "backend_request"] = (*path, "backendRequest")
        if value:
            draft.rest["timeouts"] = value

    def _stick(self, draft: Draft, session: SessionPersistence | None, path: Path) -> None:
        if session is None:
            return
        own = session.header if session.type == "Header" else session.cookie
        name = (own and own.name) or session.session_name or DEFAULT_SESSION
        draft.origins["sticky",] = path
        if session.idle_timeout is not None:
            message, hint = "sessions have no idle timeout here", "use `absoluteTimeout`"
            self._warn((*path, KeyOf("idleTimeout")), "not-carried-over", message, hint)
        if session.type == "Header":
            draft.rest["sticky"] = [{"header": name}]
            message = f"the router reads the header `{name[:80]}` but never sends it"
            hint = "let clients or the Worker set it"
            self._warn(path, "differs", message, hint)
            return
        source: JsonObject = {"cookie": name, "set": True}
        if session.absolute_timeout is not None:
            source["max_age"] = duration_text(session.absolute_timeout)
        draft.rest["sticky"] = [source]
        self._cookie(session, source, path)

    def _cookie(self, session: SessionPersistence, source: JsonObject, path: Path) -> None:
        """Report differences between the router's cookie and the manifest's."""
        config = session.cookie or session.cookie_config
        if config is None or config.lifetime_type == "Session":
            life = source.get("max_age", "30d")
            message = f"the cookie is valid for {life}, not for the browser's session"
            hint = "set `max_age` in `routes.yaml`"
            self._warn(path, "differs", message, hint)
        if config and config.path not in (None, "/"):
            message = f"the cookie is sent for every path, not only for `{config.path[:80]}`"
            hint = "give the sessions of other paths different names"
            self._warn((*path, "cookie", "path"), "differs", message, hint)

    def _retry(self, draft: Draft, retry: Retry | None, rule: Path) -> None:
        """Set the retries: the Gateway API retries any method, but only if the rule says so."""
        path = (*rule, KeyOf("retry"))
        if retry is None or retry.attempts == 0:
            if len(draft.rest["split"]) > 1:
                draft.rest["failover"] = {"attempts": 0}
            return
        value: JsonObject = {"attempts": DEFAULT_RETRIES}
        if retry.attempts is not None:
            value["attempts"] = min(retry.attempts, MAX_ATTEMPTS)
            if retry.attempts > MAX_ATTEMPTS:
                message = f"{retry.attempts} attempts are more than the router supports"
                hint = f"write at most {MAX_ATTEMPTS}"
                self._warn((*path, KeyOf("attempts")), "differs", message, hint)
        codes = list(dict.fromkeys(retry.codes))
        value["on"] = [*_NO_ANSWER, *codes]
        if retry.backoff is not None:
            value["backoff"] = duration_text(retry.backoff)
        draft.origins["failover",] = path
        for at, code in enumerate(codes, len(_NO_ANSWER)):
            draft.origins["failover", "on", at] = (*path, "codes", retry.codes.index(code))
        draft.rest["failover"] = value | {
            "non_idempotent": True,
            "same_variant": True,
            "budget": "none",
        }

    def _unused(self, path: Path, names: Iterable[str]) -> None:
        for name in names:
            message = f"`{name}` has no effect on a rule that forwards nothing"
            self._warn((*path, KeyOf(name)), "unused-field", message, "leave it out")

    def _warn(self, path: Path, code: str, message: str, hint: str) -> None:
        self._report.warn(self._manifest, path, code, message, hint)
