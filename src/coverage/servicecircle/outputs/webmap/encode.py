"""Geometries and JSON in the form the map's script reads: whole numbers, each the step from the one before."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

#: Decimals of a degree: 6 for units and areas (0.1 m), 5 for roads and barriers (1 m).
FINE, COARSE = 6, 5

_LINES = {"LineString", "LinearRing"}


def script_json(value: Any) -> str:
    """Return JSON that cannot end or open a tag when it stands inside ``<script>``."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def steps(coordinates: np.ndarray, decimals: int) -> list[int]:
    """Return ``[x0, y0, dx1, dy1, ...]`` in units of ``10 ** -decimals`` degrees; repeated points are left out."""
    whole = np.rint(np.asarray(coordinates, dtype=float)[:, :2] * 10**decimals).astype(np.int64)
    moves = np.diff(whole, axis=0)
    moves = moves[np.any(moves != 0, axis=1)]
    return np.vstack((whole[:1], moves)).ravel().tolist()


def polygons(geometry: BaseGeometry | None, *, simplify_deg: float, decimals: int = FINE) -> list[list[list[int]]]:
    """Return the polygons of a geometry, each a list of rings (outer first) of :func:`steps`.

    Parameters
    ----------
    geometry : geometry or None
        Anything in EPSG:4326; points and lines in it are ignored.
    simplify_deg : float
        Largest shift of a border in degrees; for drawing only.
    """
    if geometry is None or geometry.is_empty:
        return []
    simple = shapely.simplify(geometry, simplify_deg, preserve_topology=True)
    parts = [part for part in _parts(simple) if part.geom_type == "Polygon" and not part.is_empty]
    rings = [[part.exterior, *part.interiors] for part in parts]
    encoded = [[steps(shapely.get_coordinates(ring), decimals) for ring in each] for each in rings]
    return [[ring for ring in each if len(ring) >= 6] for each in encoded if len(each[0]) >= 6]


def lines(geometries: Iterable[BaseGeometry | None], *, simplify_deg: float, decimals: int = COARSE) -> list[list[int]]:
    """Return all lines in some geometries (borders of polygons too) as :func:`steps`."""
    found: list[list[int]] = []
    for geometry in geometries:
        if geometry is None or geometry.is_empty:
            continue
        for part in _parts(shapely.simplify(geometry, simplify_deg)):
            rings = (
                [part]
                if part.geom_type in _LINES
                else [part.exterior, *part.interiors]
                if part.geom_type == "Polygon"
                else []
            )
            found.extend(steps(shapely.get_coordinates(ring), decimals) for ring in rings)
    return [line for line in found if len(line) >= 4]


def _parts(geometry: BaseGeometry) -> list[BaseGeometry]:
    """Return single geometries, looking through nested collections."""
    parts = list(shapely.get_parts(geometry))
    nested = [part for part in parts if part.geom_type.startswith(("Multi", "Geometry"))]
    return parts if not nested else [single for part in parts for single in _parts(part)]
