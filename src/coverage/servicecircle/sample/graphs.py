"""Graphs between settlements, as scipy takes them in every version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array


def graph_between(count: int, edges: NDArray[np.int64], weight: NDArray[np.float64]) -> csr_array:
    """Return the graph of ``count`` nodes with one weight for each edge (a row of two nodes)."""
    # the oldest scipy we take searches graphs of 32-bit indices only
    first, second = edges.astype(np.int32).T
    return coo_array((weight, (first, second)), shape=(count, count)).tocsr()
