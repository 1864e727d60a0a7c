"""Outlines of areas and courses of lines: in an order of their own, places along them, how far a point is from them.

Coordinates are WGS 84 degrees and between two vertices a line is straight in degrees, as roads are. Nothing here
depends on which vertex a ring begins with, on the direction of a line or on the order of parts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from servicecircle.geo.crs import geodesic_m

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from servicecircle.geo.crs import WorkingCrs

AREAS = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)
LINES = (shapely.GeometryType.LINESTRING, shapely.GeometryType.LINEARRING, shapely.GeometryType.MULTILINESTRING)
#: Computed places are rounded to so many decimals of a degree (0.1 mm): the last bits tell only how they came about.
DECIMALS = 9


def is_area(shape: shapely.Geometry) -> bool:
    """Return whether a shape is a polygon or several."""
    return shapely.get_type_id(shape) in AREAS


def is_line(shape: shapely.Geometry) -> bool:
    """Return whether a shape is a line or several."""
    return shapely.get_type_id(shape) in LINES


def outlines(shape: shapely.Geometry) -> list[NDArray[np.float64]]:
    """Return the outer ring of each polygon (holes do not count), or the lines, joined where exactly two of them meet.

    Returns
    -------
    list of float64 array (vertices, 2)
        Longitude and latitude, sorted. A ring, and a line that ends where it begins, starts at its vertex with the
        smallest longitude (of equal ones the smallest latitude) and goes on to the smaller of its neighbours; another
        line starts at its smaller end.
    """
    parts = shapely.get_parts(shape)
    if is_area(shape):
        lines = shapely.get_exterior_ring(parts)
    else:
        lines = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(parts)))
    return sorted((_canonical(shapely.get_coordinates(line)) for line in lines), key=np.ndarray.tolist)


def _canonical(line: NDArray[np.float64]) -> NDArray[np.float64]:
    if not np.array_equal(line[0], line[-1]):
        return min(line, line[::-1], key=np.ndarray.tolist)
    ring = line[:-1]
    smallest = np.lexsort((ring[:, 1], ring[:, 0]))[0]
    starts = np.flatnonzero((ring == ring[smallest]).all(axis=1))
    turned = [np.roll(ring, -start, axis=0) for start in starts.tolist()]
    turned += [np.roll(one[::-1], 1, axis=0) for one in turned]
    first = min(turned, key=np.ndarray.tolist)
    return np.concatenate((first, first[:1]))


def places_along(line: NDArray[np.float64], step_m: float, *, closed: bool) -> NDArray[np.float64]:
    """Return ``float64 (places, 2)``: the start and a place every ``step_m`` of geodesic length from it.

    Parameters
    ----------
    line : float64 array (vertices, 2)
    closed : bool
        Of a ring, the places short of its full length (in whole millimetres), ``ceil(length / step)`` of them;
        otherwise the last vertex is a place too.
    """
    along = np.concatenate(([0.0], np.cumsum(geodesic_m(line[:-1, 0], line[:-1, 1], line[1:, 0], line[1:, 1]))))
    stops = np.arange(0, max(round(along[-1] * 1000), 1), round(step_m * 1000)) / 1000
    if not closed:
        stops = np.append(stops, along[-1])
    places = np.column_stack([np.interp(stops, along, line[:, axis]) for axis in (0, 1)])
    return np.round(places, DECIMALS)


def away_mm(line: NDArray[np.float64], place: NDArray[np.float64], working: WorkingCrs) -> int:
    """Return the geodesic millimetres from a place (longitude, latitude) to the nearest place of a line."""
    xy = working.project(line[:, 0], line[:, 1])
    step = np.diff(xy, axis=0)
    ahead = working.project(place[:1], place[1:]) - xy[:-1]
    square = (step**2).sum(axis=1)
    share = np.clip((ahead * step).sum(axis=1) / np.where(square > 0, square, 1.0), 0.0, 1.0)[:, None]
    at = int(((ahead - share * step) ** 2).sum(axis=1).argmin())
    foot = line[at] + share[at] * (line[at + 1] - line[at])
    return round(float(geodesic_m(place[:1], place[1:], foot[:1], foot[1:])[0]) * 1000)


def common_places(line: shapely.Geometry, others: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return ``float64 (places, 2)``: where a line meets others; of a stretch they share, its two ends.

    Places may repeat.
    """
    found = [np.zeros((0, 2))]
    for common in shapely.intersection(line, others):
        parts = shapely.get_parts(common)
        is_point = shapely.get_type_id(parts) == shapely.GeometryType.POINT
        found.append(shapely.get_coordinates(parts[is_point]))
        if not is_point.all():
            stretches = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(parts[~is_point])))
            found += [shapely.get_coordinates(stretch)[[0, -1]] for stretch in stretches]
    return np.asarray(np.round(np.concatenate(found), DECIMALS), dtype=float)
