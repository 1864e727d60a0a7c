"""A park with two gates and a greenway along the river: facilities that are areas and lines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from servicecircle.sample.files import SYNTHETIC

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from servicecircle.sample.land import Land

PARK_M = (320.0, 220.0)
GREENWAY_M = 3000.0
#: The greenway runs this far from the river's middle, on the county town's side.
BANK_M = 75.0


def park(land: Land) -> NDArray[np.float64]:
    """Return the corners of the park, south of the county town, float64 (4, 2)."""
    x, y = land.core_xy + np.array([0.0, -land.core_m - 260.0])
    w, h = PARK_M
    return np.array([(x, y), (x + w, y), (x + w, y + h), (x, y + h)])


def gates(land: Land) -> NDArray[np.float64]:
    """Return the park's two gates: in the middle of its north side, and at its south-east corner."""
    corners = park(land)
    return np.array([(corners[2] + corners[3]) / 2, corners[1]])


def greenway(land: Land) -> NDArray[np.float64]:
    """Return the greenway: three kilometres along the river."""
    y = land.core_xy[1] + np.linspace(-GREENWAY_M / 2, GREENWAY_M / 2, 61)
    return np.column_stack((land.river_x(y) + BANK_M, y))


def venue_layers(land: Land) -> dict[str, str]:
    """Return the GeoJSON texts of the venues and of the gates, by file name."""

    def lonlat(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.round(np.column_stack(land.working.unproject(xy)), 7), dtype=np.float64)

    shapes = {
        ("V001", "虚拟公园", "公园"): shapely.Polygon(lonlat(park(land))),
        ("V002", "虚拟河绿道", "绿道"): shapely.LineString(lonlat(greenway(land))),
    }
    venues = [
        ({"id": code, "name": name, "type": kind, "ownership": "公立"}, shape)
        for (code, name, kind), shape in shapes.items()
    ]
    points = [
        ({"name": f"虚拟公园{side}门"}, shapely.Point(xy)) for side, xy in zip("北东", lonlat(gates(land)), strict=True)
    ]
    return {"venues.geojson": _geojson(venues), "gates.geojson": _geojson(points)}


def _geojson(rows: list[tuple[dict[str, str], Any]]) -> str:
    features = [
        {
            "type": "Feature",
            "properties": {**fields, "source": SYNTHETIC},
            "geometry": json.loads(shapely.to_geojson(shape)),
        }
        for fields, shape in rows
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False, indent=1) + "\n"
