"""Floors, ceilings and whole numbers: limits are inclusive, on unrounded values; printed decimals are exact."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

from servicecircle.analysis.cover import SAME_PEOPLE, at_least

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def in_bounds(value: float, low: float | None, high: float | None) -> bool:
    """Return whether a value is in a band; equal to an end (up to the noise of sums) is in it."""
    return (low is None or at_least(value, low)) and (high is None or value <= high * (1 + SAME_PEOPLE))


def worst(values: NDArray[np.float64], low: float | None, high: float | None) -> tuple[str, float]:
    """Return the name of a reading and its value: the largest where there is only a ceiling, else the smallest."""
    if low is None and high is not None:
        return "largest", float(values.max())
    return "smallest", float(values.min())


def whole_part(share: float, count: float) -> int:
    """Return the smallest whole number that is at least a share of a count: 60 % of 5 are 3, 80 % are 4."""
    return math.ceil(exact(share) * exact(count))


def whole_need(value: float) -> int:
    """Return the smallest whole number that is at least a value; the noise of sums asks for no further one."""
    return math.ceil(value * (1 - SAME_PEOPLE))


def exact(number: float) -> Fraction:
    """Return the decimal a number was written as: 0.07 is 7/100, not the nearest float."""
    return Fraction(repr(float(number)))
