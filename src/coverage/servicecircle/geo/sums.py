"""Sums of float64 weights by group: one typed door to ``numpy.bincount``."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def sum_by(group: NDArray[np.int64], weight: NDArray[np.float64], groups: int) -> NDArray[np.float64]:
    """Return ``float64 (groups,)``: the sum of the weights of each group, in row order."""
    return np.bincount(group, weights=weight, minlength=groups).astype(np.float64)


def exact_sum_by(group: NDArray[np.int64], weight: NDArray[np.float64], groups: int) -> NDArray[np.float64]:
    """Return ``float64 (groups,)``: correctly rounded sums, whatever the order; a negative group is no group."""
    order = np.argsort(group, kind="stable")
    bounds = np.searchsorted(group[order], np.arange(groups + 1)).tolist()
    return np.array([math.fsum(weight[order[first:last]]) for first, last in pairwise(bounds)], dtype=np.float64)
