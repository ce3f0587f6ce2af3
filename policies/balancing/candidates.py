"""The variants that can serve a request, in order: by region, weight, drain and health.

1. Variants come in tiers; within a tier the key decides (rendezvous hashing).
2. A drained variant takes only clients whose cookie the router set before the drain. The cookie
   says which variants were drained at that time, and its seal that the router set it.
3. A variant that is out takes nothing. A returning one takes a growing share of its own requests,
   always the same keys and more; for others it is the last resort.
4. A half-open variant takes one probe request, and only one that is its own.
5. If no variant is left, health is ignored (panic): all are tried, those first that are only
   drained.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from random import Random
from typing import NamedTuple

from policies.balancing.availability import Availability
from policies.balancing.split import ranked, uniform
from policies.compiled.model import Tiers, Variant


class SelectionKey(NamedTuple):
    """What the candidates of a request depend on: its `key`; `is_given`: whether the router set it
    in a cookie before; `repeatable`: whether another attempt does no harm."""

    seed: str
    key: str
    is_given: bool
    repeatable: bool


class Candidates(NamedTuple):
    """The candidates. `is_probe_request`: the first one is half-open, and this is its probe
    request."""

    variants: tuple[Variant, ...]
    panic: bool = False
    is_probe_request: bool = False


def new_key(rng: Random, drained: Sequence[Variant]) -> str:
    """Return a key for a client that has none. It says which variants are `drained` now."""
    tags = "".join(f".{_tag(variant.name)}" for variant in drained)
    return f"{rng.getrandbits(128):032x}{tags}"


def candidates(
    tiers: Tiers, asking: SelectionKey, rng: Random, availability: Availability | None
) -> Candidates:
    """Return the variants of `tiers` that can serve, in order."""
    ordered, key = _ordered(tiers, asking, rng)
    open_to = [variant for variant in ordered if not variant.drain or _stays(variant, asking)]
    if availability is None:
        found = Candidates(tuple(open_to))
    else:
        found = _serving(open_to, asking._replace(key=key), rng, availability)
    if found.variants:
        return found
    out = availability.out.union(availability.half_open) if availability else ()
    ordered.sort(key=lambda variant: variant.name in out)
    return Candidates(tuple(ordered), panic=True)


def _ordered(tiers: Tiers, asking: SelectionKey, rng: Random) -> tuple[list[Variant], str]:
    """Return all variants in order, and the key that was used."""
    ordered: list[Variant] = []
    key = asking.key
    for tier in tiers:
        if len(tier) == 1:
            ordered += tier
        else:
            key = key or f"{rng.getrandbits(64):016x}"
            ordered += ranked(tier, f"{asking.seed}/variants", key)
    return ordered, key


def _serving(
    open_to: list[Variant], asking: SelectionKey, rng: Random, availability: Availability
) -> Candidates:
    first: list[Variant] = []
    last: list[Variant] = []
    is_probe_request = False
    for variant in open_to:
        name = variant.name
        if name in availability.out:
            continue
        if name in availability.half_open:
            if not first and (availability.half_open[name] or asking.repeatable):
                first.append(variant)
                is_probe_request = True
        elif name in availability.returning and not _is_taken(variant, asking, rng, availability):
            last.append(variant)
        else:
            first.append(variant)
    found = tuple(first + last)
    return Candidates(found, bool(found) and found[0].pool in availability.panic, is_probe_request)


def _is_taken(
    variant: Variant, asking: SelectionKey, rng: Random, availability: Availability
) -> bool:
    """Return whether a returning variant takes this one of its requests."""
    name, key = variant.name, asking.key
    drawn = uniform(f"{asking.seed}/return", name, key) if key else rng.random()
    return drawn < availability.returning[name]


def _stays(variant: Variant, asking: SelectionKey) -> bool:
    """Return whether the client may have been with a drained variant before the drain."""
    return asking.is_given and _tag(variant.name) not in asking.key.split(".")[1:]


def _tag(name: str) -> str:
    return blake2b(name.encode(), digest_size=2).hexdigest()
