"""Which unit a place belongs to when units are points or named places, and blocks for what lies far from both.

A place goes to the nearest unit at most 3 km away from which the straight line crosses no barrier; bare
connectivity never makes a unit. What is left becomes 2 km blocks named after the nearest place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.spatial import cKDTree

from servicecircle.demand.pieces import Shares
from servicecircle.geo.crs import GEOD, SCALE_SLACK, geodesic_m
from servicecircle.text import say

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from servicecircle.geo.crossings import Crossings
    from servicecircle.geo.crs import WorkingCrs

REACH_M = 3000.0
#: Nearer than this a block or patch is simply "near X".
NEAR_KM = 0.5
BLOCK_M = 2000.0
#: Nearest units tried at first; four times as many when all of them are barred.
UNITS_TRIED = 16
URBAN_PLACES = ("city", "town", "suburb", "quarter", "neighbourhood")
#: Compass points, clockwise from north.
COMPASS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")


@dataclass(frozen=True)
class Direction:
    """Where something lies from a named place: kilometres and compass point."""

    km: float
    compass: str
    name: str


@dataclass(frozen=True)
class BlockNaming:
    """How blocks are named and classed.

    Attributes
    ----------
    named : GeoDataFrame
        Named points (``name``, EPSG:4326) from which blocks take their names.
    default_class : str
        ``urban`` or ``rural``, for all blocks.
    language : str
        Language of the names.
    """

    named: gpd.GeoDataFrame
    default_class: str
    language: str


def place_units(
    ids: NDArray[np.str_],
    names: NDArray[np.str_],
    places: NDArray[np.str_],
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
) -> gpd.GeoDataFrame:
    """Return units made from named places, sorted by id (columns as ``inputs.units``)."""
    urban = np.isin(places, URBAN_PLACES)
    frame = gpd.GeoDataFrame(
        {
            "id": ids,
            "name": names,
            "parent": "",
            "kind": "",
            "area_class": np.where(urban, "urban", "rural"),
            "class_basis": "place",
            "next_class": "",
            "next_basis": "",
            "basis": "nearest_point",
        },
        geometry=shapely.points(lon, lat),
        crs="EPSG:4326",
    )
    return frame.sort_values("id", kind="stable", ignore_index=True)


def nearest_unit(
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    units: gpd.GeoDataFrame,
    working: WorkingCrs,
    crossings: Crossings,
) -> NDArray[np.int64]:
    """Return the row of each place's unit, -1 where none is near enough in a straight line without a barrier.

    Exactly 3 km, geodesic and rounded to a millimetre, is near enough.
    """
    found = np.full(len(lon), -1, dtype=np.int64)
    if len(units) == 0 or len(lon) == 0:
        return found
    xy = working.project(lon, lat)
    unit_lon, unit_lat = units.geometry.x.to_numpy(), units.geometry.y.to_numpy()
    unit_xy = working.project(unit_lon, unit_lat)
    tree = cKDTree(unit_xy)
    todo, first, tried = np.arange(len(lon)), 0, min(UNITS_TRIED, len(units))
    while len(todo):
        found_at = tree.query(xy[todo], k=np.arange(1, tried + 1), distance_upper_bound=REACH_M * (1 + SCALE_SLACK))
        distance, index = _ties_to_smaller(*(np.asarray(a) for a in found_at))
        for k in range(first, tried):
            row = np.flatnonzero((found[todo] < 0) & np.isfinite(distance[:, k]))
            unit, place = index[row, k], todo[row]
            metres = geodesic_m(lon[place], lat[place], unit_lon[unit], unit_lat[unit])
            near = np.rint(metres * 1000) <= REACH_M * 1000
            unit, place = unit[near], place[near]
            free = ~crossings.crossed(unit_xy[unit], xy[place])
            found[place[free]] = unit[free]
        # whoever has as many units near as were tried, all barred, is asked again with more
        todo = todo[(found[todo] < 0) & np.isfinite(distance[:, -1])] if tried < len(units) else todo[:0]
        first, tried = tried, min(4 * tried, len(units))
    return found


def _ties_to_smaller(
    distance: NDArray[np.float64], index: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Sort each row by distance and, of equal distances, by unit row (units are sorted by id)."""
    order = np.lexsort((index, distance), axis=1)
    return np.take_along_axis(distance, order, axis=1), np.take_along_axis(index, order, axis=1)


def assign(
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    place: NDArray[np.int64],
    units: gpd.GeoDataFrame,
    working: WorkingCrs,
    crossings: Crossings,
    *,
    naming: BlockNaming,
    fixed: NDArray[np.int64] | None = None,
) -> tuple[gpd.GeoDataFrame, Shares]:
    """Return units with blocks added, and whole shares of every place.

    Parameters
    ----------
    place : int64 array
        Flat cell index or row of each place, ascending.
    naming : BlockNaming
        How blocks are named and classed.
    fixed : int64 array, optional
        Unit row of places whose unit is known by id; -1 where it is not.
    """
    row = np.full(len(lon), -1, dtype=np.int64) if fixed is None else fixed.copy()
    free = row < 0
    row[free] = nearest_unit(lon[free], lat[free], units, working, crossings)
    left = row < 0
    if left.any():
        blocks, block_row = _blocks(lon[left], lat[left], working, naming)
        row[left] = block_row + len(units)
        units = gpd.GeoDataFrame(pd.concat([units, blocks], ignore_index=True), geometry="geometry", crs="EPSG:4326")
    used, row = np.unique(row, return_inverse=True)
    # a unit of the study that nobody belongs to is kept: presence is judged there too; a mere place name is not
    kept = (units["class_basis"] != "place") & (units["basis"] != "block")
    keep = np.unique(np.concatenate((used, np.flatnonzero(kept))))
    back = np.full(len(units), -1, dtype=np.int64)
    back[keep] = np.arange(len(keep))
    return units.iloc[keep].reset_index(drop=True), Shares(place, back[used[row]], np.ones(len(place)))


def _blocks(
    lon: NDArray[np.float64], lat: NDArray[np.float64], working: WorkingCrs, naming: BlockNaming
) -> tuple[gpd.GeoDataFrame, NDArray[np.int64]]:
    xy = np.floor(working.project(lon, lat) / BLOCK_M).astype(np.int64)
    blocks, row = np.unique(xy, axis=0, return_inverse=True)
    centre_lon, centre_lat = working.unproject(((blocks + 0.5) * BLOCK_M).astype(float))
    where = directions(centre_lon, centre_lat, naming.named)
    frame = gpd.GeoDataFrame(
        {
            "id": [f"block:{x}:{y}" for x, y in blocks],
            "name": [
                where_text(w, x, y, naming.language) for w, x, y in zip(where, centre_lon, centre_lat, strict=True)
            ],
            "parent": "",
            "kind": "",
            "area_class": naming.default_class,
            "class_basis": "default",
            "next_class": "",
            "next_basis": "",
            "basis": "block",
        },
        geometry=shapely.points(centre_lon, centre_lat),
        crs="EPSG:4326",
    )
    return frame, row.reshape(-1)


def where_text(where: Direction | None, lon: float, lat: float, language: str) -> str:
    """Return ``4 km NE of X`` in words, or the coordinates where no place is known."""
    if where is None:
        return f"{lat:.3f}, {lon:.3f}"
    if where.km < NEAR_KM:
        return say(language, "flow.place_near", name=where.name)
    return say(
        language,
        "flow.place_direction",
        name=where.name,
        km=f"{where.km:.0f}",
        compass=say(language, f"flow.compass.{where.compass}"),
    )


def directions(lon: NDArray[np.float64], lat: NDArray[np.float64], named: gpd.GeoDataFrame) -> list[Direction | None]:
    """Return where each point lies from the nearest named place (geodesic), None when no place is known."""
    if len(named) == 0:
        return [None] * len(lon)
    x, y = named.geometry.x.to_numpy(), named.geometry.y.to_numpy()
    names = named["name"].to_numpy()
    scale = np.cos(np.deg2rad(np.mean(y)))
    _, index = cKDTree(np.column_stack((x * scale, y))).query(np.column_stack((np.asarray(lon) * scale, lat)))
    azimuth, _, metres = GEOD.inv(x[index], y[index], lon, lat)
    point = np.floor(np.asarray(azimuth) / 45 + 0.5).astype(int) % len(COMPASS)
    nearest = np.asarray(index)
    return [Direction(m / 1000, COMPASS[p], str(names[i])) for m, p, i in zip(metres, point, nearest, strict=True)]
