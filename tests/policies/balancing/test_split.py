"""Weighted rendezvous hashing: exact shares, monotone, whatever the order in the file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.balancing.split import choose, ranked

KEYS = [f"user-{number}" for number in range(20_000)]


@dataclass(frozen=True)
class Pool:
    name: str
    weight: float


def pools(weights: dict[str, float]) -> list[Pool]:
    return [Pool(name, weight) for name, weight in weights.items()]


@pytest.mark.parametrize(
    "weights",
    [
        {"v1": 90, "v2": 10},  # names that differ by one character
        {"a": 1, "b": 1},
        {"pool": 0.5, "pool2": 99.5},
        {"a": 5, "b": 15, "c": 80},
        {"x": 1, "y": 999},
    ],
)
def test_shares_are_weight_by_sum(weights: dict[str, float]) -> None:
    counts = Counter(choose(pools(weights), "seed", key).name for key in KEYS)
    for name, weight in weights.items():
        share = weight / sum(weights.values())
        error = sqrt(share * (1 - share) * len(KEYS))  # standard deviation of the count
        assert abs(counts[name] - share * len(KEYS)) < 4 * error


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)
WEIGHTS = st.dictionaries(NAMES, st.integers(1, 1_000_000), min_size=1, max_size=5)


@given(WEIGHTS, NAMES, st.lists(NAMES, min_size=1, max_size=30), st.data())
def test_raising_a_weight_moves_keys_only_to_it(
    weights: dict[str, float], seed: str, keys: list[str], data: st.DataObject
) -> None:
    raised = data.draw(st.sampled_from(sorted(weights)))
    more = weights | {raised: weights[raised] * data.draw(st.floats(1, 100))}
    for key in keys:
        before, after = choose(pools(weights), seed, key), choose(pools(more), seed, key)
        assert after.name in (before.name, raised)
        if before.name == raised:  # and back: lowering moves keys only away
            assert after.name == raised


@given(WEIGHTS, NAMES, NAMES, st.randoms(use_true_random=False))
def test_the_order_does_not_matter(
    weights: dict[str, float], seed: str, key: str, rng: object
) -> None:
    shuffled = pools(weights)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    assert choose(shuffled, seed, key) == choose(pools(weights), seed, key)
    assert ranked(shuffled, seed, key) == ranked(pools(weights), seed, key)


@given(WEIGHTS, NAMES, NAMES)
def test_weight_zero_is_chosen_last(weights: dict[str, float], seed: str, key: str) -> None:
    name = next(iter(weights))
    order = ranked([*pools(weights), Pool(f"{name}-zero", 0)], seed, key)
    assert order[-1].weight == 0
    assert order[0] == choose(pools(weights), seed, key)


def test_another_seed_chooses_anew() -> None:
    halves = pools({"a": 1, "b": 1})
    same = sum(choose(halves, "one", key) == choose(halves, "two", key) for key in KEYS)
    assert abs(same - len(KEYS) / 2) < 4 * sqrt(len(KEYS)) / 2
