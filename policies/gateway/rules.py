"""A rule of an HTTPRoute as a route of `routes.yaml`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from policies.decisions.durations import duration_text
from policies.gateway.backends import Backends
from policies.gateway.drafts import Draft, Piece
from policies.gateway.filters import FilterReader, Filters
from policies.gateway.model import (
    DEFAULT_NAMESPACE,
    BackendRef,
    HttpRoute,
    Match,
    Retry,
    Rule,
    SessionPersistence,
    Timeouts,
    ValueMatch,
)
from policies.gateway.names import Names, fitted
from policies.gateway.report import Manifest, Report
from policies.language.failover import MAX_ATTEMPTS
from policies.language.findings import Path
from policies.language.found import Key
from policies.language.model import DEFAULT_REQUEST_TIMEOUT_MS

DEFAULT_RETRIES = 2  # the API leaves the number without one to us; it is Istio's
_NO_ANSWER = ("connect", "timeout")  # which the API always retries
DEFAULT_SESSION = "session"  # the API leaves the name of a session without one to us
_PATHS = {"Exact": "exact", "PathPrefix": "prefix", "RegularExpression": "regex"}
_VALUES = {"Exact": "value", "RegularExpression": "regex"}
_ON_THE_WAY = ("request_headers", "rewrite", "mirrors")  # nothing without a backend
_OF_BACKENDS = (*_ON_THE_WAY, "response_headers")  # what a single backend can have


class RuleReader:
    """Reads the rules of one route."""

    def __init__(
        self, manifest: Manifest, route: HttpRoute, backends: Backends, report: Report
    ) -> None:
        self._manifest, self._report, self._backends = manifest, report, backends
        self._home = route.metadata.namespace
        self._name = route.metadata.name
        self._filters = FilterReader(manifest, self._home, backends, report)

    def drafts(self, rule: Rule, index: int, hosts: list[str], taken: Names) -> Iterator[Draft]:
        """The route of a rule. A route has hostnames or none: who serves all hosts and
        competes for some of them besides (a listener's, say) needs two."""
        named = [host for host in hosts if host]
        # The name is the seed of sticky splits: it depends on nothing but the rule.
        home = [self._home] if self._home != DEFAULT_NAMESPACE else []
        wish = fitted("-".join((*home, self._name, rule.name or str(index))))
        name = taken.first_free([wish])
        if named:
            yield self._draft(rule, index, name, named)
        if len(named) < len(hosts):
            other = taken.first_free([fitted(f"{wish}.any")]) if named else name
            draft = self._draft(rule, index, other, [""])
            if named and "split" in draft.rest:
                draft.rest["seed"] = name  # a client stays on one side of both
            yield draft

    def _draft(self, rule: Rule, index: int, name: str, hosts: list[str]) -> Draft:
        path: Path = ("spec", "rules", index)
        draft = Draft(self._manifest, path, name, hosts)
        line = self._manifest.place(path)[0]
        title = f"rule {rule.name or index}"
        draft.comments.append(
            f"HTTPRoute {self._home}/{self._name}, {title} ({self._manifest.file}:{line})"
        )
        for at, match in enumerate(rule.matches):
            if match:
                draft.matches.append(self._match(match, (*path, "matches", at)))
        draft.matches_nothing = bool(rule.matches) and not draft.matches
        self._act(draft, rule, path)
        if "split" in draft.rest:
            self._wait(draft, rule.timeouts, (*path, "timeouts"))
            self._stick(draft, rule.session_persistence, (*path, "sessionPersistence"))
            self._retry(draft, rule.retry, (*path, Key("retry")))
        else:
            self._unused(
                path, [n for n in ("timeouts", "retry", "sessionPersistence") if n in rule.named]
            )
        return draft

    def _match(self, match: Match, path: Path) -> Piece:
        piece = Piece({}, path)
        if match.path and (match.path.type, match.path.value) != ("PathPrefix", "/"):
            piece.value["path"] = {_PATHS[match.path.type]: match.path.value}
            piece.origins["path",] = (*path, "path", "value")
        if match.method is not None:
            piece.value["methods"] = [match.method]
            piece.origins["methods",] = (*path, "method")
        self._conditions(piece, "headers", match.headers, (*path, "headers"))
        self._conditions(piece, "query_params", match.query_params, (*path, "queryParams"))
        return piece

    def _conditions(self, piece: Piece, kind: str, given: list[ValueMatch], path: Path) -> None:
        """Of several for one name only the first counts (Gateway API, `HTTPHeaderMatch`)."""
        conditions: dict[str, dict[str, str]] = {}
        for at, each in enumerate(given):
            name = each.name.lower() if kind == "headers" else each.name
            if name in conditions:
                message = f"of several conditions for `{each.name[:80]}` only the first counts"
                self._warn((*path, at), "unused-field", message, "leave the others out")
                continue
            piece.origins[kind, len(conditions)] = (*path, at)
            conditions[name] = {"name": each.name, _VALUES[each.type]: each.value}
        if conditions:
            piece.value[kind] = list(conditions.values())

    def _act(self, draft: Draft, rule: Rule, path: Path) -> None:
        """What becomes of requests: a redirect, a split, or 500."""
        filters = self._filters.read(rule.filters, (*path, "filters"), "the rule answers 500")
        redirects = "redirect" in filters.value
        split = self._split(draft, rule.backend_refs, filters, (*path, "backendRefs"))
        draft.origins |= {("filters", *key): origin for key, origin in filters.origins.items()}
        if filters.lost:
            draft.refuse("a filter was not carried over")
            return
        if "redirect" in filters.value:
            if split and redirects:
                message = "a rule with a redirect forwards nothing"
                where = (*path, Key("backendRefs"))
                self._warn(where, "unused-field", message, "leave out one of the two")
            self._answer(draft, filters)
        elif not split:
            draft.comments.append("500: the rule has no backend that takes requests")
            draft.rest["respond"] = {"status": 500}
            self._answer(draft, filters)
        else:
            if filters.value:
                draft.rest["filters"] = filters.value
            draft.rest["split"] = split

    def _answer(self, draft: Draft, filters: Filters) -> None:
        """A route that forwards nothing has only the filters that concern its answer."""
        for name in [name for name in _ON_THE_WAY if name in filters.value]:
            message = "this has no effect on a rule that forwards nothing"
            origin = filters.origins.get((name,)) or filters.origins[name, 0]
            self._warn(origin, "unused-field", message, "leave it out")
            del filters.value[name]
        if filters.value:
            draft.rest["filters"] = filters.value

    def _split(
        self, draft: Draft, refs: list[BackendRef | None], filters: Filters, path: Path
    ) -> dict[str, Any]:
        """Pool to share; the largest weight first, as the first is the others' fallback.
        Empty if nothing has a weight."""
        shares: dict[str, Any] = {}
        uses: dict[tuple[Any, ...], int] = {}
        for at, ref in enumerate(refs):
            if ref is None:
                continue
            here = (*path, at)
            own = self._filters.read(ref.filters, (*here, "filters"), "the backend is left out")
            if own.lost or not self._fits(own, filters, here, alone=len(refs) == 1):
                continue
            key = (ref.group, ref.kind, ref.namespace or self._home, ref.name, ref.port)
            uses[key] = uses.get(key, -1) + 1
            pool = self._backends.pool(ref, self._manifest, here, self._home, uses[key])
            weight = {"weight": ref.weight}
            shares[pool] = weight | {"filters": own.value} if own.value else ref.weight
            draft.origins["split", pool] = here
            draft.origins |= {
                ("split", pool, "filters", *key): origin for key, origin in own.origins.items()
            }
        weights = {pool: _weight(share) for pool, share in shares.items()}
        if not any(weights.values()):
            return {}
        return {pool: shares[pool] for pool in sorted(shares, key=lambda each: -weights[each])}

    def _fits(self, own: Filters, filters: Filters, path: Path, alone: bool) -> bool:
        """Whether a backend can have its filters. What only a rule can have, the rule gets
        if this is its only backend."""
        for name in [name for name in own.value if name not in _OF_BACKENDS]:
            if not alone or name in filters.value:
                message = "a backend among others cannot have this filter; the backend is left out"
                hint = "move the filter to the rule, or the backend to a rule of its own"
                self._report.tell(
                    self._manifest, own.origins[name,], "not-carried-over", message, hint
                )
                return False
            filters.value[name] = own.value.pop(name)
            filters.origins[name,] = own.origins.pop((name,))
        return True

    def _wait(self, draft: Draft, timeouts: Timeouts | None, path: Path) -> None:
        if timeouts is None:
            return
        whole, each = timeouts.request, timeouts.backend_request
        value = {}
        if whole is None and each is not None and each > DEFAULT_REQUEST_TIMEOUT_MS:
            whole = 0  # the router's own default must not cut the attempt short
        if whole is not None:
            value["request"] = duration_text(whole)
        if each:
            value["backend_request"] = duration_text(each)
        draft.origins["timeouts", "request"] = (*path, "request")
        draft.origins["timeouts", "backend_request"] = (*path, "backendRequest")
        if value:
            draft.rest["timeouts"] = value

    def _stick(self, draft: Draft, session: SessionPersistence | None, path: Path) -> None:
        if session is None:
            return
        name = session.session_name or DEFAULT_SESSION
        draft.origins["sticky",] = path
        if session.idle_timeout is not None:
            message, hint = "a session does not end by being idle here", "use `absoluteTimeout`"
            self._warn((*path, Key("idleTimeout")), "not-carried-over", message, hint)
        if session.type == "Header":
            draft.rest["sticky"] = [{"header": name}]
            message = f"the router reads the header `{name[:80]}` but never sends it"
            hint = "let clients or the Worker choose its value"
            self._warn(path, "differs", message, hint)
            return
        source: dict[str, Any] = {"cookie": name, "set": True}
        if session.absolute_timeout is not None:
            source["max_age"] = duration_text(session.absolute_timeout)
        draft.rest["sticky"] = [source]
        if session.cookie_config is None or session.cookie_config.lifetime_type == "Session":
            life = source.get("max_age", "30d")
            message = f"the cookie lives {life}, not as long as the browser's session"
            hint = "say how long with `max_age` in `routes.yaml`"
            self._warn(path, "differs", message, hint)

    def _retry(self, draft: Draft, retry: Retry | None, path: Path) -> None:
        """The Gateway API retries any method, and nothing unless it is asked to."""
        if retry is None or retry.attempts == 0:
            if len(draft.rest["split"]) > 1:
                draft.rest["failover"] = {"attempts": 0}
            return
        value: dict[str, Any] = {"attempts": DEFAULT_RETRIES}
        if retry.attempts is not None:
            value["attempts"] = min(retry.attempts, MAX_ATTEMPTS)
            if retry.attempts > MAX_ATTEMPTS:
                message = f"{retry.attempts} attempts are more than the router makes"
                hint = f"write at most {MAX_ATTEMPTS}"
                self._warn((*path, Key("attempts")), "differs", message, hint)
        codes = list(dict.fromkeys(retry.codes))
        value["on"] = [*_NO_ANSWER, *codes]
        if retry.backoff is not None:
            value["backoff"] = duration_text(retry.backoff)
        draft.origins["failover",] = path
        for at, code in enumerate(codes, len(_NO_ANSWER)):
            draft.origins["failover", "on", at] = (*path, "codes", retry.codes.index(code))
        draft.rest["failover"] = value | {"non_idempotent": True, "same_variant": True}

    def _unused(self, path: Path, names: Iterable[str]) -> None:
        for name in names:
            message = f"`{name}` has no effect on a rule that forwards nothing"
            self._warn((*path, Key(name)), "unused-field", message, "leave it out")

    def _warn(self, path: Path, code: str, message: str, hint: str) -> None:
        self._report.warn(self._manifest, path, code, message, hint)


def _weight(share: Any) -> int:
    weight: int = share["weight"] if isinstance(share, dict) else share
    return weight
