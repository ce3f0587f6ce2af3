"""Which clients the regions of a new policy serve: each continent's nearest region does.

The region's name says where it is (`eu`, `us-east`). One whose name says nothing gets no clients,
until its `countries` or `colos` are written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

# What the first part of a region's name says.
HOMES = {
    **dict.fromkeys(("eu", "europe", "uk", "de", "fr", "emea"), "EU"),
    **dict.fromkeys(("us", "usa", "na", "ca", "america", "amer"), "NA"),
    **dict.fromkeys(("sa", "latam", "br"), "SA"),
    **dict.fromkeys(("ap", "apac", "as", "asia", "jp", "in", "sg"), "AS"),
    **dict.fromkeys(("oc", "au", "nz"), "OC"),
    **dict.fromkeys(("af", "africa", "za"), "AF"),
}
# The continents from which a client's is served, the nearest first. Few live in Antarctica: the
# default region serves them.
NEAREST = {
    "EU": ("EU", "AF", "NA", "AS", "SA", "OC"),
    "AF": ("AF", "EU", "AS", "NA", "SA", "OC"),
    "NA": ("NA", "SA", "EU", "AS", "OC", "AF"),
    "SA": ("SA", "NA", "EU", "AF", "AS", "OC"),
    "AS": ("AS", "OC", "EU", "NA", "AF", "SA"),
    "OC": ("OC", "AS", "NA", "EU", "SA", "AF"),
}


class PlannedRegion(NamedTuple):
    """`continents`: whose clients it serves; `fallback`: the other regions, the nearest first."""

    name: str
    continents: list[str]
    fallback: list[str]


def regions_of(names: Sequence[str]) -> list[PlannedRegion]:
    homes = {name: home_of(name) for name in names}
    first: dict[str, str] = {}
    for name, home in homes.items():
        if home:
            first.setdefault(home, name)
    served: dict[str, list[str]] = {name: [] for name in names}
    for continent, order in NEAREST.items():
        near = [first[code] for code in order if code in first]
        if near:
            served[near[0]].append(continent)
    return [PlannedRegion(name, served[name], _others(name, homes)) for name in names]


def home_of(region: str) -> str | None:
    """The continent that its name says."""
    return HOMES.get(region.lower().replace("_", "-").partition("-")[0])


def _others(name: str, homes: dict[str, str | None]) -> list[str]:
    order = NEAREST.get(homes[name] or "", ())
    rank = {continent: index for index, continent in enumerate(order)}
    others = [other for other in homes if other != name]
    return sorted(others, key=lambda other: rank.get(homes[other] or "", len(rank)))
