"""The confidence interval of a counted share."""

from __future__ import annotations

from math import sqrt

Z = 1.959964  # for a confidence of 95 %


def wilson(share: float, number: int) -> tuple[float, float]:
    """Return the score interval of Wilson (1927), which also suits small shares."""
    if not number:
        return 0.0, 1.0
    square = Z * Z / number
    middle = share + square / 2
    reach = Z * sqrt(max(share * (1 - share), 0) / number + square / number / 4)
    low, high = (middle - reach) / (1 + square), (middle + reach) / (1 + square)
    return max(low, 0.0), min(high, 1.0)
