"""`/.router/health/variants`."""

from __future__ import annotations

from typing import Annotated, Literal

from typing_extensions import TypedDict

from policies.api.status import CoordinatorLine
from policies.api.values import Active, Time, about


class Probe(TypedDict):
    """The last active health check of a variant."""

    status: Annotated[int, about("0: no answer", ge=0)]
    took_ms: int
    reason: Annotated[str, about("Why it failed; empty: it did not")]
    age_ms: Annotated[int, about("How long ago")]


VariantState = Literal["healthy", "ejected", "half-open", "returning", "unhealthy", "drained"]


class VariantHealth(TypedDict):
    name: str
    pool: str
    region: str | None
    state: Annotated[VariantState, about("How the answering isolate treats it")]
    share: Annotated[float, about("The part of its requests that it gets", ge=0, le=1)]
    reason: Annotated[str, about("Why it does not get all of them")]
    ejected_for_ms: Annotated[int, about("How much longer, because of this isolate's requests")]
    active: Annotated[Active | None, about("What active health says; null: not checked")]
    probe: Probe | None
    voters: Annotated[int, about("How many isolates have it ejected", ge=0)]
    drill: Annotated[str | None, about("The id of the drill that hits it")]
    requests: Annotated[int, about("Attempts of the last minute", ge=0)]
    failures: Annotated[int, about("Of these", ge=0)]


class VariantsHealth(TypedDict):
    at: Time | None
    coordinator: CoordinatorLine
    variants: list[VariantHealth]
    isolates: Annotated[int, about("How many have reported within a minute", ge=0)]


class CoordinatedVariant(TypedDict):
    """What the Coordinator knows of a variant."""

    active: Active | None
    since_ms: int | None
    probe: Probe | None
    voters: int
    ejected_ms: int
    requests: int
    failures: int


class Coordinated(TypedDict):
    """What the Coordinator answers to `state`."""

    epoch: str
    version: int
    isolates: int
    variants: dict[str, CoordinatedVariant]
