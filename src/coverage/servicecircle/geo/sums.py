"""Sums of float64 weights by group: one typed door to ``numpy.bincount``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def sum_by(group: NDArray[np.int64], weight: NDArray[np.float64], groups: int) -> NDArray[np.float64]:
    """Return ``float64 (groups,)``: the sum of the weights of each group, in row order."""
    return np.bincount(group, weights=weight, minlength=groups).astype(np.float64)
