"""Clients of a sample: their places, sticky keys and API keys.

A number always gives the same client, and no two clients have the same keys. Three of four have
the first source of a sticky key (a header, a cookie, an API key), the fourth only an address;
multiples of the golden ratio spread them evenly over kinds and places.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from policies.access.authenticate import Needs
from policies.access.given import Sealing
from policies.compiled.model import Route
from policies.compiled.tables import PolicyTables
from policies.difference.traffic.outcomes import TrafficRequest
from policies.difference.traffic.shapes import Shape
from policies.difference.traffic.stand_ins import presenting, stand_in
from policies.http.request import Client
from policies.routing.regions import Regions

MAX_PLACES = 24
KINDS = 8
SECRET = b"a comparison"  # seals the cookies of the sample only
GIVEN = Sealing(SECRET, now_ms=1e15)  # later than any comparison
_GOLDEN = 2_654_435_769  # 2^32 divided by the golden ratio
STAND_INS = 400  # for all keys of a policy together, but at least one for each


Codes = dict[str, str]  # and the regions that they belong to


class Held(NamedTuple):
    """A key of one of the policies."""

    id: str
    hash: str
    scopes: frozenset[str]


class Crowd:
    """All clients of a sample for two policies, from their compiled tables."""

    def __init__(self, before: PolicyTables, after: PolicyTables) -> None:
        self.places = _places(before.regions, after.regions)
        self._keys = list(dict.fromkeys([*_held(before), *_held(after)]))
        self.copies = max(1, STAND_INS // max(1, len(self._keys)))
        self._header = before.auth.headers[0]
        self._fitting: dict[tuple[Needs | None, ...], list[Held]] = {}

    def ask(
        self, number: int, shape: Shape, routes: tuple[Route, ...]
    ) -> tuple[TrafficRequest, str]:
        """Return a request of client `number` to these routes, and a description of the client."""
        spread = number * _GOLDEN % (1 << 32)  # as a part of 2^32
        at, kind = divmod(spread * len(self.places) * KINDS >> 32, KINDS)
        headers = dict(shape.headers)
        ip = f"198.18.{number // 250 % 250}.{number % 250 + 1}"
        label = "" if kind % 4 == 3 else self._carry(number, headers, routes)
        label = self._present(number, kind < KINDS // 2, headers, routes) or label
        if not label and any(s.kind == "ip" for route in routes for s in route.sticky):
            label = ip
        return TrafficRequest(
            shape.method, shape.url, headers, self.places[at]._replace(ip=ip)
        ), label

    def _carry(self, number: int, headers: dict[str, str], routes: tuple[Route, ...]) -> str:
        """Add the first source of a sticky key of each route."""
        label, cookies = "", dict[str, str]()
        for route in routes:
            source = next((source for source in route.sticky if source.kind != "ip"), None)
            if source is None:
                continue
            label = f"user-{number}"
            if source.kind == "header":
                headers.setdefault(source.name, label)
            elif source.kind == "cookie":
                # As the router sets it, and not expired: such clients keep their pool.
                given = source.set_for > 0
                cookies[source.name] = GIVEN.sealed(source, label) if given else label
            else:
                name, value = presenting(self._header, label)
                headers.setdefault(name, value)
        if cookies:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        return label

    def _present(
        self, number: int, always: bool, headers: dict[str, str], routes: tuple[Route, ...]
    ) -> str:
        """Add a valid API key; half of the clients have none unless all routes require one."""
        needs = tuple(route.needs for route in routes)
        if not any(needs) or not (always or all(needs)):
            return ""
        fitting = self._fitting.get(needs)
        if fitting is None:
            fitting = [key for key in self._keys if _fits(key, needs)]
            self._fitting[needs] = fitting
        if not fitting:
            return ""
        key = fitting[number % len(fitting)]
        text = stand_in(key.hash, number // len(fitting) % self.copies)
        name, value = presenting(self._header, text)
        headers[name] = value
        return f"key {key.id}"


def _fits(key: Held, needs: tuple[Needs | None, ...]) -> bool:
    return any(need is not None and need.scopes <= key.scopes for need in needs)


def _held(tables: PolicyTables) -> list[Held]:
    keys = (*tables.auth.sha256, *tables.auth.hmac_sha256)
    return [Held(key.id, key.digest.hex(), key.scopes) for key in keys]


def _places(before: Regions, after: Regions) -> list[Client]:
    """Return the places: of no region, of each region, and of each code that has moved."""
    first: dict[tuple[int, str | None], Client] = {}
    moved: list[Client] = []
    kinds: tuple[tuple[Codes, Codes, Callable[[str], Client]], ...] = (
        (before.continents, after.continents, lambda code: Client(continent=code)),
        (before.countries, after.countries, lambda code: Client(country=code)),
        (before.colos, after.colos, lambda code: Client(colo=code)),
    )
    for kind, (old, new, client_of) in enumerate(kinds):
        for code in dict.fromkeys([*old, *new]):
            client = client_of(code)
            if old.get(code) != new.get(code):
                moved.append(client)
            first.setdefault((kind, new.get(code)), client)
    return [Client(), *dict.fromkeys([*first.values(), *moved])][:MAX_PLACES]
