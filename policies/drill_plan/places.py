"""The pool and the region of each variant, as the router reports them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from policies.basics.untyped import JsonMapping
from policies.resilience.drill import Kind, Target

ITSELF = "the router itself"  # responses without the name of a variant
NOWHERE = "no region"


class VariantPlace(NamedTuple):
    pool: str
    region: str | None


@dataclass(frozen=True, slots=True)
class Places:
    variants: Mapping[str, VariantPlace]

    @classmethod
    def from_status(cls, variants: Iterable[JsonMapping]) -> Places:
        """Return the places of the variants of `/.router/status`."""
        return cls(
            {entry["name"]: VariantPlace(entry["pool"], entry["region"]) for entry in variants}
        )

    def names(self, kind: Kind) -> list[str]:
        """Return all regions, pools or variants."""
        return sorted({self.group(kind, variant) for variant in self.variants} - {NOWHERE})

    def within(self, target: Target) -> frozenset[str]:
        """Return the variants that a drill of `target` affects."""
        kind, name = target
        return frozenset(variant for variant in self.variants if self.group(kind, variant) == name)

    def group(self, kind: Kind, variant: str) -> str:
        """Return where a variant's responses are counted; a new variant counts by its own name."""
        if not variant:
            return ITSELF
        place = self.variants.get(variant)
        if kind == "variant" or place is None:
            return variant
        return place.pool if kind == "pool" else place.region or NOWHERE

    def grouped(self, kind: Kind, answers: Mapping[str, int]) -> dict[str, int]:
        found = Counter[str]()
        for variant, number in answers.items():
            found[self.group(kind, variant)] += number
        return dict(found)
