"""How far a share that was counted may be from the true one."""

from __future__ import annotations

from math import sqrt

Z = 1.959964  # 95 of 100 such intervals hold the true share


def wilson(share: float, number: int) -> tuple[float, float]:
    """The score interval of Wilson (1927), which is right for small shares, too."""
    if not number:
        return 0.0, 1.0
    square = Z * Z / number
    middle = share + square / 2
    reach = Z * sqrt(max(share * (1 - share), 0) / number + square / number / 4)
    low, high = (middle - reach) / (1 + square), (middle + reach) / (1 + square)
    return max(low, 0.0), min(high, 1.0)
