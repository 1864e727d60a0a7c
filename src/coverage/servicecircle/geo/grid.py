"""A raster's position as one value, and values on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyproj
    from affine import Affine
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Grid:
    """Position of a raster: CRS, transform and shape; two grids are equal or an operation on both raises."""

    crs: pyproj.CRS
    transform: Affine
    shape: tuple[int, int]
    """Rows, columns."""

    def centres(
        self,
        cell: NDArray[np.int64],
        offset_x: NDArray[np.float64] | float = 0.5,
        offset_y: NDArray[np.float64] | float = 0.5,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return x and y, in the grid's CRS, of a place in each cell; offsets are shares from its upper left."""
        row, col = np.divmod(cell, self.shape[1])
        a, b, c, d, e, f = tuple(self.transform)[:6]
        column, line = col + offset_x, row + offset_y
        return a * column + b * line + c, d * column + e * line + f


@dataclass(frozen=True)
class Surface:
    """Values on a grid.

    Attributes
    ----------
    grid : Grid
    values : float64 array (rows, columns)
        NaN where the file holds no valid value.
    unit : str
        What a value counts, e.g. ``persons``.
    """

    grid: Grid
    values: NDArray[np.float64]
    unit: str
