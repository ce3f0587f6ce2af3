"""From where a request comes to the order of regions that serve it."""

from __future__ import annotations

from dataclasses import dataclass

from policies.http.request import Client


@dataclass(frozen=True, slots=True)
class Regions:
    """Codes to region names; `orders`: each region, then its fallbacks."""

    default: str | None
    orders: dict[str, tuple[str, ...]]
    colos: dict[str, str]
    countries: dict[str, str]
    continents: dict[str, str]

    def of(self, client: Client) -> str | None:
        """Colo beats country beats continent; else the default region, if there is one."""
        return (
            self.colos.get(client.colo)
            or self.countries.get(client.country)
            or self.continents.get(client.continent)
            or self.default
        )
