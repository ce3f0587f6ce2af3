"""Who can serve a request, in order: by region, weight, drain and health.

1. Variants come in tiers; within a tier the key decides (rendezvous hashing).
2. A drained variant takes only clients whose cookie the router gave them before: the cookie
   says who was drained then, and its seal that the router says so.
3. Who is out takes nothing. Who is returning takes a growing part of its own requests,
   always the same keys and more; for others it is the last resort.
4. A half-open variant takes one probe request, and only one that would be its own.
5. Nobody left: panic, and everybody is tried, those first who are only drained.
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
    """Of a request what its candidates depend on: its `key`; `is_given`: whether the router
    gave it to the client before; `repeatable`: whether another attempt does no harm."""

    seed: str
    key: str
    is_given: bool
    repeatable: bool


class Candidates(NamedTuple):
    """`is_probe_request`: the first of them is half-open; this request shows whether it is well."""

    variants: tuple[Variant, ...]
    panic: bool = False
    is_probe_request: bool = False


def new_key(rng: Random, drained: Sequence[Variant]) -> str:
    """A key for a client that has none, which tells who was `drained` at the time."""
    tags = "".join(f".{_tag(variant.name)}" for variant in drained)
    return f"{rng.getrandbits(128):032x}{tags}"


def candidates(
    tiers: Tiers, asking: SelectionKey, rng: Random, availability: Availability | None
) -> Candidates:
    """Who of `tiers` can serve, in order."""
    ordered, key = _ordered(tiers, asking, rng)
    open_to = [each for each in ordered if not each.drain or _stays(each, asking)]
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
    """All of them, and the key that was used."""
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
    for each in open_to:
        name = each.name
        if name in availability.out:
            continue
        if name in availability.half_open:
            if not first and (availability.half_open[name] or asking.repeatable):
                first.append(each)
                is_probe_request = True
        elif name in availability.returning and not _is_taken(each, asking, rng, availability):
            last.append(each)
        else:
            first.append(each)
    found = tuple(first + last)
    return Candidates(found, bool(found) and found[0].pool in availability.panic, is_probe_request)


def _is_taken(
    variant: Variant, asking: SelectionKey, rng: Random, availability: Availability
) -> bool:
    """Whether a returning variant takes this one of its requests."""
    name, key = variant.name, asking.key
    drawn = uniform(f"{asking.seed}/return", name, key) if key else rng.random()
    return drawn < availability.returning[name]


def _stays(variant: Variant, asking: SelectionKey) -> bool:
    """Whether a client may have been with a drained variant before."""
    return asking.is_given and _tag(variant.name) not in asking.key.split(".")[1:]


def _tag(name: str) -> str:
    return blake2b(name.encode(), digest_size=2).hexdigest()
