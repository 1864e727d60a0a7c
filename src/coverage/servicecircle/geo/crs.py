"""Coordinate systems: the gates every layer passes, and the metre CRS that finds candidates.

All coordinates inside the package are WGS 84 longitude and latitude in degrees, x before y. CGCS2000 differs
from it by well under a metre at planning scale and is taken as equal (EPSG:4490 = EPSG:4326). Lengths that
judge anything are geodesic (:data:`GEOD`); the working CRS only finds candidates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyproj
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

GEOD = pyproj.Geod(ellps="WGS84")
WGS84 = pyproj.CRS.from_epsg(4326)

#: Planar metres of the working CRS and geodesic metres differ by less than this share within a study.
SCALE_SLACK = 0.01

#: Names a study may use for a coordinate system beside any code pyproj knows.
NAMED = {"WGS84": "EPSG:4326", "CGCS2000": "EPSG:4490"}


def parse_crs(text: str) -> pyproj.CRS:
    """Return the CRS of a study's words (``WGS84``, ``CGCS2000``, ``EPSG:4547``, WKT).

    Raises
    ------
    pyproj.exceptions.CRSError
        Nothing is known under that name.
    """
    return pyproj.CRS.from_user_input(NAMED.get(text, text))


def is_wgs84(crs: pyproj.CRS) -> bool:
    """Return whether coordinates in ``crs`` are WGS 84 degrees already (CGCS2000 counts)."""
    return crs.to_epsg() in (4326, 4490)


def to_wgs84(
    crs: pyproj.CRS, x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return longitude and latitude of coordinates in ``crs`` (x before y, whatever the CRS says of its axes)."""
    if is_wgs84(crs):
        return np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    return pyproj.Transformer.from_crs(crs, WGS84, always_xy=True).transform(x, y)


class WorkingCrs:
    """A metre CRS around a study: transverse Mercator with scale 1 on its central meridian.

    It is conformal, so within 150 km of its centre nearest candidates are found in the right order;
    no length measured in it judges anything.

    Parameters
    ----------
    bounds : tuple of float
        West, south, east, north in degrees; the centre, rounded to 0.05 degree, becomes the origin.
    """

    def __init__(self, bounds: tuple[float, float, float, float]) -> None:
        west, south, east, north = bounds
        lon = round((west + east) / 2 * 20) / 20
        lat = round((south + north) / 2 * 20) / 20
        self.text = f"+proj=tmerc +lat_0={lat} +lon_0={lon} +k=1 +datum=WGS84 +units=m +type=crs"
        self.crs = pyproj.CRS.from_user_input(self.text)
        self._forward = pyproj.Transformer.from_crs(WGS84, self.crs, always_xy=True)

    def project(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ``float64 (points, 2)`` metres of WGS 84 degrees."""
        x, y = self._forward.transform(lon, lat)
        return np.column_stack((np.asarray(x, dtype=float), np.asarray(y, dtype=float)))

    def unproject(self, xy: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return longitude and latitude of working coordinates."""
        lon, lat = self._forward.transform(xy[:, 0], xy[:, 1], direction="INVERSE")
        return np.asarray(lon, dtype=float), np.asarray(lat, dtype=float)


class EqualArea:
    """Shapes in metres in an equal-area projection (LAEA) around some shapes in degrees; for areas, not for lengths.

    Parameters
    ----------
    shapes : object array of shapely geometries, EPSG:4326
        The middle of their bounds is the centre.
    """

    def __init__(self, shapes: NDArray[np.object_]) -> None:
        west, south, east, north = shapely.total_bounds(shapes)
        centre = f"+lon_0={(west + east) / 2:.4f} +lat_0={(south + north) / 2:.4f}"
        crs = pyproj.CRS.from_user_input(f"+proj=laea {centre} +datum=WGS84 +units=m +type=crs")
        self._there = pyproj.Transformer.from_crs(WGS84, crs, always_xy=True)

    def __call__(self, shapes: NDArray[np.object_]) -> NDArray[np.object_]:
        """Return the shapes in metres."""
        moved = shapely.transform(shapes, lambda c: np.column_stack(self._there.transform(c[:, 0], c[:, 1])))
        return np.asarray(moved, dtype=object)

    def areas_m2(self, shapes: NDArray[np.object_]) -> NDArray[np.float64]:
        """Return the areas of shapes in degrees, square metres; 0 where there is no shape."""
        return np.nan_to_num(np.asarray(shapely.area(self(shapes)), dtype=np.float64))

    def lonlat(self, x: float, y: float) -> tuple[float, float]:
        """Return longitude and latitude of a point in metres."""
        lon, lat = self._there.transform(x, y, direction="INVERSE")
        return float(lon), float(lat)


def geodesic_m(
    lon1: NDArray[np.float64], lat1: NDArray[np.float64], lon2: NDArray[np.float64], lat2: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return geodesic lengths in metres between pairs of points on the WGS 84 ellipsoid (Karney 2013)."""
    if np.size(lon1) == 0:
        return np.zeros(0)
    _, _, length = GEOD.inv(lon1, lat1, lon2, lat2)
    return np.asarray(length, dtype=float)
