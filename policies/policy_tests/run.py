"""Runs a case: decides its request as the edge would, and compares the outcome.

What the router draws at random is shown as `explain` shows it; shares are counted over
many clients instead, always the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from math import inf
from operator import itemgetter
from typing import NamedTuple

from policies.balancing.availability import availability_without
from policies.basics.untyped import JsonMapping
from policies.compiled.policy import CompiledPolicy
from policies.compiled.tables import PolicyTables
from policies.difference.traffic.stand_ins import presenting, stand_in, with_stand_ins
from policies.http.request import Client
from policies.language.findings.findings import Path
from policies.policy_tests.model import Case, Expect, Request
from policies.policy_tests.shares import shares_of
from policies.proxy.decide import Surroundings
from policies.proxy.explain.explain import Explanation, explain

NOTHING = "nothing"


class CaseFailure(NamedTuple):
    """`path`: the place of the expectation in the case."""

    path: Path
    expected: str
    came: str


class CaseOutcome(NamedTuple):
    """The outcome of a case; `explanation`, None if the request was invalid."""

    failures: list[CaseFailure]
    explanation: Explanation | None


class Subject:
    """A policy under test, from its compiled tables. `pepper` is only needed for keys that the
    policy has as `hmac_sha256`."""

    def __init__(self, tables: PolicyTables, now_ms: float, pepper: bytes = b"") -> None:
        self.policy = CompiledPolicy(with_stand_ins(tables))
        self._now_ms, self._pepper = now_ms, pepper
        self._header = tables.auth.headers[0]
        self._hashes: dict[str, str] = {}
        for key in (*tables.auth.sha256, *tables.auth.hmac_sha256):
            ends_ms = inf if key.not_after_ms is None else key.not_after_ms
            valid = key.not_before_ms <= now_ms < ends_ms and not key.disabled
            if valid or key.id not in self._hashes:  # prefer a valid one of several keys
                self._hashes[key.id] = key.digest.hex()

    def run(self, case: Case) -> CaseOutcome:
        request, expect = case.request, case.expect
        wrong = [*self._impossible(request)]
        if wrong:
            return CaseOutcome(wrong, None)
        headers = self._headers(request)
        client = Client(
            request.ip, request.colo or "", request.country or "", request.continent or ""
        )
        availability = availability_without(request.down)
        around = Surroundings(self._now_ms, self._pepper, availability)
        explanation = explain(self.policy, request.method, request.url, headers, client, around)
        failures = [*_compare(expect, explanation)]
        if expect.shares is not None:
            failures += _compare_shares(expect, explanation, self.policy)
        return CaseOutcome(failures, explanation)

    def _impossible(self, request: Request) -> Iterator[CaseFailure]:
        """Yield failures about names in the request that the policy does not know."""
        known = [variant.name for variant in self.policy.variants]
        for at, name in enumerate(request.down):
            if name not in known:
                yield CaseFailure(
                    ("request", "down", at), f"variant `{name}`", f"only {_list(known)}"
                )
        if request.key is not None and request.key not in self._hashes:
            came = f"only {_list(self._hashes)}" if self._hashes else "no keys in the policy"
            yield CaseFailure(("request", "key"), f"key `{request.key}`", came)

    def _headers(self, request: Request) -> dict[str, str]:
        headers = {name.lower(): value for name, value in request.headers.items()}
        if request.key is not None:
            name, value = presenting(self._header, stand_in(self._hashes[request.key]))
            headers[name] = value
        return headers


_READERS: dict[str, Callable[[Explanation], object]] = {
    **{name: itemgetter(name) for name in ("status", "route", "pool")},
    **{name: itemgetter(name) for name in ("variant", "candidates", "region")},
    "key": lambda explanation: explanation["key_id"],
    "code": lambda explanation: (explanation["answer"] or {}).get("code"),
    "mirrors": lambda explanation: [mirror["pool"] for mirror in explanation["mirrors"]],
}


def _compare(expect: Expect, explanation: Explanation) -> Iterator[CaseFailure]:
    for name, read in _READERS.items():
        wanted = getattr(expect, name)
        if wanted is not None and read(explanation) != wanted:
            yield CaseFailure(("expect", name), _text(wanted), _text(read(explanation)))
    for name in ("forwarded", "answer"):
        part = getattr(expect, name)
        if part is not None:
            fields = {field: getattr(part, field) for field in sorted(part.model_fields_set)}
            yield from _compare_part(("expect", name), fields, explanation)
    if expect.response_headers is not None:
        changes = explanation["response_headers"]
        gained = dict(changes["set"])
        for added, value in changes["add"]:
            gained[added] = f"{gained[added]}, {value}" if added in gained else value
        here: Path = ("expect", "response_headers")
        yield from _compare_headers(here, expect.response_headers, gained)


def _compare_part(
    path: Path, wanted: JsonMapping, explanation: Explanation
) -> Iterator[CaseFailure]:
    """Compare a part of an explanation field by field."""
    came = explanation[str(path[-1])]
    if came is None:
        other = "the router answers itself" if path[-1] == "forwarded" else "it is forwarded"
        yield CaseFailure(path, "to be there", f"{NOTHING}: {other}")
        return
    for name, value in wanted.items():
        if name == "headers":
            yield from _compare_headers((*path, name), value, came["headers"])
        elif came.get(name) != value:
            yield CaseFailure((*path, name), _text(value), _text(came.get(name)))


def _compare_headers(
    path: Path, wanted: Mapping[str, str | None], came: Mapping[str, str]
) -> Iterator[CaseFailure]:
    found = {name.lower(): value for name, value in came.items()}
    for name, value in wanted.items():
        if found.get(name.lower()) != value:
            yield CaseFailure((*path, name), _text(value), _text(found.get(name.lower())))


def _compare_shares(
    expect: Expect, explanation: Explanation, policy: CompiledPolicy
) -> Iterator[CaseFailure]:
    here: Path = ("expect", "shares")
    if explanation["pool"] is None and (explanation["answer"] or {}).get("code") != "no-backend":
        yield CaseFailure(here, "a split", f"status {explanation['status']}, and no pool")
        return
    route = next(route for route in policy.routes if route.name == explanation["route"])
    shares = shares_of(route)
    known = list(dict.fromkeys([*(variant.pool for variant in policy.variants), *shares]))
    for pool, wanted in (expect.shares or {}).items():
        if pool not in known:
            yield CaseFailure((*here, pool), f"pool `{pool}`", f"only {_list(known)}")
            continue
        share = shares.get(pool, 0.0)
        if abs(share - wanted) > expect.within + 1e-9:
            expected = f"{100 * wanted:.4g}% within {100 * expect.within:.4g}%"
            yield CaseFailure((*here, pool), expected, f"{100 * share:.4g}%")


def _text(value: object) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, list):
        return _list(value)
    return f"`{value}`" if isinstance(value, str) else str(value)


def _list(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"
