"""The regions that serve a request, in order, by the place of its client."""

from __future__ import annotations

from dataclasses import dataclass

from policies.http.request import Client


@dataclass(frozen=True, slots=True)
class Regions:
    """Codes to names of regions. `orders`: each region, followed by its fallbacks."""

    default: str | None
    orders: dict[str, tuple[str, ...]]
    colos: dict[str, str]
    countries: dict[str, str]
    continents: dict[str, str]

    def of(self, client: Client) -> str | None:
        """Return the client's region, by colo before country before continent; else the default
        region, if there is one."""
        return (
            self.colos.get(client.colo)
            or self.countries.get(client.country)
            or self.continents.get(client.continent)
            or self.default
        )
