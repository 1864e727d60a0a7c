"""Elevation of a sample county: a plain and hills of measured steepness, valleys where the roads run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from affine import Affine
from scipy import ndimage

from servicecircle.geo.crs import WGS84
from servicecircle.geo.grid import Grid, Surface
from servicecircle.sample.land import Land, stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from servicecircle.sample.streets import Line

#: Standard deviation of the smoothing that gives noise its correlation length of 2-3 km, in metres.
SMOOTH_M = 650.0
#: Median slopes aimed at, as tangents: 9 degrees in the hills, 1 in the plain; noise of less height stays flatter.
HILL_TANGENT, PLAIN_TANGENT = 0.142, 0.0115
#: Depth and half-width of the valleys of the roads in the hills.
VALLEY_M, VALLEY_WIDTH_M = 25.0, 250.0
#: The steep cone of the planted village: height over half its base (42 % is 23 degrees).
CONE_M, CONE_BASE_M = 380.0, 900.0
VOID = -32768


def elevation(land: Land, roads: list[Line], summit: NDArray[np.float64] | None, seed: int) -> Surface:
    """Return metres above sea on a grid of arc seconds (EPSG:4326), with one block of no data to fill.

    Parameters
    ----------
    summit : float64 array (2,) or None
        Top of the cone of the village that lies on a steep hill.
    """
    rng = stream(seed, "relief")
    grid = _grid(land)
    rows, columns = grid.shape
    lon, lat = grid.centres(np.arange(rows * columns, dtype=np.int64))
    xy = land.working.project(lon, lat)
    cell_m = abs(grid.transform.e) * 111_320
    hills = land.hills(xy).reshape(grid.shape)
    rough = _noise(grid.shape, SMOOTH_M / cell_m, rng)
    fine = _noise(grid.shape, SMOOTH_M / 3 / cell_m, rng)
    # a Gaussian field of deviation s smoothed by b has the median slope 1.177 s / (sqrt(2) b)
    per_tangent = np.sqrt(2) * SMOOTH_M / 1.177
    most = land.preset.relief_m / 4.6
    steep = min(HILL_TANGENT * per_tangent, most)
    height = hills * (steep * rough + 0.22 * steep * fine) + (1 - hills) * PLAIN_TANGENT * per_tangent * rough
    height += 90 + 0.28 * land.preset.relief_m * hills
    height -= VALLEY_M * hills * np.exp(-((_away_m(grid, land, roads, cell_m) / VALLEY_WIDTH_M) ** 2))
    if summit is not None:
        away = np.hypot(*(xy - summit).T).reshape(grid.shape)
        base = float(height.ravel()[np.argmin(away)])
        blend = np.clip((1.4 * CONE_BASE_M - away) / (0.4 * CONE_BASE_M), 0, 1)
        cone = base + CONE_M * np.clip(1 - away / CONE_BASE_M, 0, None)
        height = blend * cone + (1 - blend) * height
    height = np.round(np.maximum(height, 12))
    r, c = int(0.12 * rows), int(0.7 * columns)
    height[r : r + 12, c : c + 16] = VOID
    return Surface(grid, height, "m")


def _grid(land: Land) -> Grid:
    step = land.preset.dem_arcsec / 3600
    west, south, east, north = land.outline.buffer(300).bounds
    corners = np.array([(west, south), (east, north), (west, north), (east, south)])
    lon, lat = land.working.unproject(corners)
    left, top = np.floor(lon.min() / step), np.ceil(lat.max() / step)
    shape = int(top - np.floor(lat.min() / step)), int(np.ceil(lon.max() / step) - left)
    return Grid(WGS84, Affine(step, 0, left * step, 0, -step, top * step), shape)


def _noise(shape: tuple[int, int], deviation: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return Gaussian noise smoothed by ``deviation`` cells, of mean 0 and standard deviation 1."""
    # smooth on every n-th cell, then stretch: the same field for a fraction of the work
    coarse = max(int(deviation / 5), 1)
    small = (shape[0] // coarse + 4, shape[1] // coarse + 4)
    field = ndimage.gaussian_filter(rng.standard_normal(small), deviation / coarse, mode="wrap")
    field = ndimage.zoom(field, coarse, order=3)[: shape[0], : shape[1]]
    return np.asarray((field - field.mean()) / field.std())


def _away_m(grid: Grid, land: Land, roads: list[Line], cell_m: float) -> NDArray[np.float64]:
    """Return metres from each cell to the nearest road between settlements (in steps of a cell)."""
    free = np.ones(grid.shape, dtype=bool)
    shapes = [shapely.segmentize(shapely.LineString(line.xy), cell_m / 2) for line in roads if line.edge is not None]
    if not shapes:
        return np.full(grid.shape, 1e9)
    lon, lat = land.working.unproject(shapely.get_coordinates(shapes))
    column, row = ~grid.transform * (lon, lat)
    inside = (row >= 0) & (row < grid.shape[0]) & (column >= 0) & (column < grid.shape[1])
    free[row[inside].astype(int), column[inside].astype(int)] = False
    return np.asarray(ndimage.distance_transform_edt(free)) * cell_m
