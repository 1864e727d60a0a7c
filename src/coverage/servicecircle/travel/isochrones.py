"""Service areas as drawings: dissolved cells for travel, geodesic circles for distance. Nothing is counted on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from affine import Affine
from rasterio.features import shapes
from scipy.ndimage import distance_transform_edt

from servicecircle.geo.crs import GEOD
from servicecircle.geo.grid import Grid

if TYPE_CHECKING:
    import pyproj
    from numpy.typing import NDArray

#: Corners of a drawn circle: the area is within 0.2 % of the true disc.
CORNERS = 64


def cells_area(
    grid: Grid, cell: NDArray[np.int64], per_side: int, inside: NDArray[np.bool_], *, fill: int = 0
) -> shapely.Geometry:
    """Dissolve sub-cells into one geometry in the grid's CRS.

    Parameters
    ----------
    cell : int64 array (points,)
        Flat cell index of each point; the ``per_side ** 2`` points of a cell follow each other row by row.
    inside : bool array (points,)
        Whether each point's sub-cell belongs to the area.
    fill : int
        Sub-cells without a point take after the nearest one with a point, at most so many sub-cells away: where people
        live scattered, the area is drawn as ground and not as a sieve.
    """
    n2 = per_side**2
    sub = np.arange(len(cell)) % n2
    row, column = np.divmod(cell, grid.shape[1])
    line, pillar = row * per_side + sub // per_side, column * per_side + sub % per_side
    if not inside.any():
        return shapely.Polygon()
    top, left = int(line.min()) - fill, int(pillar.min()) - fill
    shape = int(line.max()) - top + 1 + fill, int(pillar.max()) - left + 1 + fill
    canvas = np.zeros(shape, dtype=np.uint8)
    canvas[(line - top)[inside], (pillar - left)[inside]] = 1
    if fill:
        unknown = np.ones(shape, dtype=bool)
        unknown[line - top, pillar - left] = False
        away, (i, j) = distance_transform_edt(unknown, return_indices=True)
        canvas = np.where(away <= fill, canvas[i, j], 0).astype(np.uint8)
    transform = grid.transform * Affine.scale(1 / per_side) * Affine.translation(left, top)
    return dissolved(canvas, transform)[1]


def dissolved(canvas: NDArray[np.uint8] | NDArray[np.int32], transform: Affine) -> dict[int, shapely.Geometry]:
    """Return one geometry for each value of a small raster but 0; value 1 is present even when empty."""
    parts: dict[int, list[shapely.Geometry]] = {1: []}
    for geometry, value in shapes(canvas, mask=canvas > 0, transform=transform, connectivity=4):
        parts.setdefault(int(value), []).append(shapely.geometry.shape(geometry))
    return {value: shapely.MultiPolygon(found) if found else shapely.Polygon() for value, found in parts.items()}


def circles(lon: NDArray[np.float64], lat: NDArray[np.float64], radius_m: float) -> shapely.Geometry:
    """Return the union of geodesic circles around points, EPSG:4326."""
    if len(lon) == 0:
        return shapely.Polygon()
    azimuth = np.linspace(0, 360, CORNERS, endpoint=False)
    # a circle through the corners is too small by the area between chord and arc: push the corners out by half of it
    fit = radius_m * np.sqrt((2 * np.pi / CORNERS) / np.sin(2 * np.pi / CORNERS))
    x, y, _ = GEOD.fwd(
        np.repeat(lon, CORNERS), np.repeat(lat, CORNERS), np.tile(azimuth, len(lon)), np.full(CORNERS * len(lon), fit)
    )
    rings = np.stack((np.asarray(x), np.asarray(y)), axis=1).reshape(len(lon), CORNERS, 2)
    return shapely.union_all(shapely.polygons(rings))


def lattice(bounds: tuple[float, float, float, float], crs: pyproj.CRS, step_m: float) -> Grid:
    """Return a drawing lattice of square cells over bounds in a metre CRS."""
    west, south, east, north = bounds
    shape = (max(1, int(np.ceil((north - south) / step_m))), max(1, int(np.ceil((east - west) / step_m))))
    return Grid(crs, Affine(step_m, 0, west, 0, -step_m, north), shape)
