"""Ranges of sizes and costs: arithmetic that stays at the greatest number of 64 bits."""

import math

Range = tuple[int, int]
MOST = (1 << 64) - 1
ONE: Range = (1, 1)
UNKNOWN: Range = (0, MOST)


def fixed(number: int) -> Range:
    """Return the range of one number."""
    return number, number


def add(one: Range, two: Range) -> Range:
    """Return the range of sums."""
    return min(one[0] + two[0], MOST), min(one[1] + two[1], MOST)


def times(one: Range, two: Range) -> Range:
    """Return the range of products."""
    return min(one[0] * two[0], MOST), min(one[1] * two[1], MOST)


def union(one: Range, two: Range) -> Range:
    """Return the range that has both in it."""
    return min(one[0], two[0]), max(one[1], two[1])


def scaled(given: Range, factor: float) -> Range:
    """Return a range times a factor, rounded up."""
    return _scaled(given[0], factor), _scaled(given[1], factor)


def _scaled(number: int, factor: float) -> int:
    made = float(number) * factor
    if number > 0 and factor > 0 and made > float(MOST):
        return MOST
    return min(math.ceil(made), MOST)
