"""Demand: points that stand for people, and the pieces of each point that belong to units.

Counts are never resampled: a cell keeps its people, its n x n points share them evenly, and a cell cut by a
border is shared by area fraction. Travel belongs to points; unit shares only split people.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import shapely
from exactextract import exact_extract
from exactextract.raster import NumPyRasterSource

from servicecircle.geo.crs import geodesic_m, is_wgs84, to_wgs84
from servicecircle.geo.sums import sum_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import geopandas as gpd
    from numpy.typing import NDArray

    from servicecircle.demand.calibrate import Calibrated
    from servicecircle.geo.grid import Grid, Surface

#: Smaller area fractions are rounding errors of exactextract, not land: nobody lives on them.
SLIVER = 1e-6
#: A cell gets so many points that a point stands for at most a sixth of the shortest limit (design section 8).
POINTS_PER_LIMIT = 6
POINTS_PER_SIDE_MOST = 8
#: Points of the lattice on which dry land is sought for a point in water.
LAND_LATTICE = 8


@dataclass(frozen=True)
class Shares:
    """Which part of a place (cell or person point) belongs to which unit.

    Attributes
    ----------
    place : int64 array (shares,)
        Flat cell index, or row of the person points; sorted.
    unit : int64 array (shares,)
        Row of the units.
    share : float64 array (shares,)
        Of each place the shares sum to at most 1.
    """

    place: NDArray[np.int64]
    unit: NDArray[np.int64]
    share: NDArray[np.float64]


@dataclass(frozen=True)
class GroupTotals:
    """Raw people of a group in the study window = in the pieces + the other two."""

    window_persons: float
    """Sum of all cells or rows of the group."""
    outside_persons: float
    """Those of them in no unit."""
    alone_persons: float
    """Those of them in cells or rows where, of everybody, nobody lives: they stand nowhere and are in no table."""


@dataclass(frozen=True)
class Demand:
    """People at points, and their split over units.

    Attributes
    ----------
    lon, lat : float64 arrays (points,)
        WGS 84 degrees.
    persons : float64 array (points,)
        People a point stands for, inside and outside of units.
    cell : int64 array (points,)
        Flat index of the point's cell, or row of the person point.
    piece_point, piece_unit : int64 arrays (pieces,)
    piece_persons : float64 array (pieces,)
    window_persons : float
        Sum of all valid cells or rows of the population in the study window.
    outside_persons : float
        Those of them in no unit.
    grid : Grid or None
        None for people given at points.
    per_side : int
        n of the n x n points of a cell.
    half_m : float or None
        Half the longer side of a sub-cell in metres; None for people given at points.
    moved, in_water : int
        Points moved from water to land; points left in water because their cell has no land.
    calibration : Calibrated or None
        How pieces were scaled to a census; the window and the people outside of units are never scaled.
    groups : mapping of str to float64 array (pieces,)
        People of each group, split over pieces exactly as everybody is, and scaled by the same factors.
    group_totals : mapping of str to GroupTotals
        The same groups in the study window.
    """

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    persons: NDArray[np.float64]
    cell: NDArray[np.int64]
    piece_point: NDArray[np.int64]
    piece_unit: NDArray[np.int64]
    piece_persons: NDArray[np.float64]
    window_persons: float
    outside_persons: float
    grid: Grid | None = None
    per_side: int = 1
    half_m: float | None = None
    moved: int = 0
    in_water: int = 0
    calibration: Calibrated | None = None
    groups: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    group_totals: Mapping[str, GroupTotals] = field(default_factory=dict)

    @property
    def points(self) -> int:
        """Number of demand points."""
        return len(self.lon)

    def inside_persons(self) -> NDArray[np.float64]:
        """Return ``float64 (points,)``: people of each point that live in units."""
        return sum_by(self.piece_point, self.piece_persons, self.points)

    def people(self, group: str = "") -> NDArray[np.float64]:
        """Return ``float64 (pieces,)``: everybody, or the people of a group; nobody where no such group is given."""
        if not group:
            return self.piece_persons
        return self.groups[group] if group in self.groups else np.zeros(len(self.piece_persons))


def points_per_side(cell_m: float, limits_m: Iterable[float]) -> int:
    """Return n: the longer cell side over a sixth of the shortest limit, rounded up, 1 to 8."""
    shortest = min(limits_m, default=math.inf)
    if math.isinf(shortest):
        return 1
    return int(np.clip(math.ceil(cell_m / (shortest / POINTS_PER_LIMIT)), 1, POINTS_PER_SIDE_MOST))


def cell_side_m(grid: Grid) -> float:
    """Return the longer side of the grid's middle cell, geodesic metres."""
    middle = np.array([(grid.shape[0] // 2) * grid.shape[1] + grid.shape[1] // 2])
    corners = [grid.centres(middle, dx, dy) for dx, dy in ((0.0, 0.5), (1.0, 0.5), (0.5, 0.0), (0.5, 1.0))]
    west, east, north, south = (to_wgs84(grid.crs, *corner) for corner in corners)
    return float(max(geodesic_m(*west, *east)[0], geodesic_m(*north, *south)[0]))


def cell_shares(surface: Surface, units: gpd.GeoDataFrame) -> Shares:
    """Return the area fraction of every populated cell in every polygon unit.

    Fractions come from exactextract, which holds them as float32: where a cell lies wholly in units they are
    normalised to sum to exactly 1. Units are taken not to overlap (``inputs.borders`` has cut overlaps).
    """
    crs, polygons = surface.grid.crs, units.geometry
    # CGCS2000 is taken as WGS 84: the same numbers under the raster's name
    polygons = polygons.set_crs(crs, allow_override=True) if is_wgs84(crs) else polygons.to_crs(crs)
    height, width = surface.grid.shape
    west, north = surface.grid.transform * (0, 0)
    east, south = surface.grid.transform * (width, height)
    flipped = surface.values[::-1] if south > north else surface.values
    source = NumPyRasterSource(
        flipped,
        xmin=west,
        ymin=min(south, north),
        xmax=east,
        ymax=max(south, north),
        nodata=np.nan,
        srs_wkt=crs.to_wkt(),
    )
    frame = polygons.to_frame("geometry")
    rows = exact_extract(source, frame, ["cell_id", "coverage"], output="pandas")
    cell = np.concatenate([np.asarray(c, dtype=np.int64) for c in rows["cell_id"]])
    unit = np.repeat(np.arange(len(rows)), [len(c) for c in rows["cell_id"]])
    share = np.concatenate([np.asarray(c, dtype=float) for c in rows["coverage"]])
    if south > north:
        line, column = np.divmod(cell, width)
        cell = (height - 1 - line) * width + column
    kept = (share > SLIVER) & (np.nan_to_num(surface.values.ravel()[cell]) > 0)
    return _normalised(cell[kept], unit[kept], share[kept])


def _normalised(cell: NDArray[np.int64], unit: NDArray[np.int64], share: NDArray[np.float64]) -> Shares:
    order = np.lexsort((unit, cell))
    cell, unit, share = cell[order], unit[order], share[order]
    places, index = np.unique(cell, return_inverse=True)
    total = np.bincount(index, weights=share, minlength=len(places))
    whole = total > 1 - 1e-5
    return Shares(cell, unit, share / np.where(whole, total, 1.0)[index])


def raster_demand(
    surface: Surface, shares: Shares, *, per_side: int, groups: Mapping[str, NDArray[np.float64]] | None = None
) -> Demand:
    """Return the demand of a population raster whose cells are split over units.

    Cells that belong to no unit make no points; their people are ``outside_persons``.

    Parameters
    ----------
    groups : mapping of str to float64 array (rows, columns), optional
        People of each group per cell of the same grid; NaN counts as nobody.
    """
    values = np.nan_to_num(surface.values.ravel(), nan=0.0)
    cells, place_row = np.unique(shares.place, return_inverse=True)
    steps = (np.arange(per_side) + 0.5) / per_side
    offset_y, offset_x = (a.ravel() for a in np.meshgrid(steps, steps, indexing="ij"))
    n2 = per_side**2
    cell = np.repeat(cells, n2)
    x, y = surface.grid.centres(cell, np.tile(offset_x, len(cells)), np.tile(offset_y, len(cells)))
    lon, lat = to_wgs84(surface.grid.crs, x, y)
    piece_point = (place_row[:, None] * n2 + np.arange(n2)).ravel()
    piece_persons = np.repeat(values[shares.place] * shares.share / n2, n2)
    window = math.fsum(values)
    inside_share = sum_by(place_row, shares.share, len(cells))
    outside_of_cells = values[cells] * np.maximum(0.0, 1 - inside_share)
    untouched = np.ones(len(values), dtype=bool)
    untouched[cells] = False
    split = _Split(values, shares, untouched, cells, inside_share, n2)
    made = {name: split.group(np.nan_to_num(group.ravel(), nan=0.0)) for name, group in (groups or {}).items()}
    return Demand(
        lon=lon,
        lat=lat,
        persons=np.repeat(values[cells] / n2, n2),
        cell=cell,
        piece_point=piece_point,
        piece_unit=np.repeat(shares.unit, n2),
        piece_persons=piece_persons,
        window_persons=window,
        outside_persons=math.fsum(values[untouched]) + math.fsum(outside_of_cells),
        grid=surface.grid,
        per_side=per_side,
        half_m=cell_side_m(surface.grid) / per_side / 2,
        groups={name: pieces for name, (pieces, _) in made.items()},
        group_totals={name: totals for name, (_, totals) in made.items()},
    )


@dataclass(frozen=True)
class _Split:
    """How everybody is split over pieces: ``persons`` by place, places no unit touches, and those units share.

    ``inside_share`` is the share of each of ``touched`` that lies in units; a share makes ``copies`` pieces.
    """

    persons: NDArray[np.float64]
    shares: Shares
    untouched: NDArray[np.bool_]
    touched: NDArray[np.int64]
    inside_share: NDArray[np.float64]
    copies: int

    def group(self, people: NDArray[np.float64]) -> tuple[NDArray[np.float64], GroupTotals]:
        """Split the people of a group (by place, no NaN); those where nobody lives have no piece to stand on."""
        placed = np.where(self.persons > 0, people, 0.0)
        pieces = np.repeat(placed[self.shares.place] * self.shares.share / self.copies, self.copies)
        cut = placed[self.touched] * np.maximum(0.0, 1 - self.inside_share)
        outside = math.fsum(placed[self.untouched].tolist()) + math.fsum(cut.tolist())
        alone = math.fsum(people[self.persons <= 0].tolist())
        return pieces, GroupTotals(math.fsum(people.tolist()), outside, alone)


def point_demand(
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    persons: NDArray[np.float64],
    shares: Shares,
    groups: Mapping[str, NDArray[np.float64]] | None = None,
) -> Demand:
    """Return the demand of people given at points; rows without people or without a unit make no demand.

    ``groups`` are people of each group by row; NaN counts as nobody.
    """
    kept = np.zeros(len(lon), dtype=bool)
    kept[shares.place] = True
    row = np.flatnonzero(kept)
    back = np.full(len(lon), -1, dtype=np.int64)
    back[row] = np.arange(len(row))
    outside = math.fsum(persons[~kept])
    split = _Split(persons, shares, ~kept, row, np.ones(len(row)), 1)
    made = {name: split.group(np.nan_to_num(group, nan=0.0)) for name, group in (groups or {}).items()}
    return Demand(
        lon=lon[row],
        lat=lat[row],
        persons=persons[row],
        cell=row,
        piece_point=back[shares.place],
        piece_unit=shares.unit,
        piece_persons=persons[shares.place] * shares.share,
        window_persons=math.fsum(persons),
        outside_persons=outside,
        groups={name: pieces for name, (pieces, _) in made.items()},
        group_totals={name: totals for name, (_, totals) in made.items()},
    )


def out_of_water(demand: Demand, water: NDArray[np.object_]) -> Demand:
    """Move every point in water to the nearest land point of an 8 x 8 lattice in its cell; without one it stays."""
    if demand.grid is None or len(water) == 0:
        return demand
    wet = _in_any(water, demand.lon, demand.lat)
    if len(wet) == 0:
        return demand
    steps = (np.arange(LAND_LATTICE) + 0.5) / LAND_LATTICE
    dy, dx = (a.ravel() for a in np.meshgrid(steps, steps, indexing="ij"))
    cell = np.repeat(demand.cell[wet], len(dx))
    lon, lat = to_wgs84(demand.grid.crs, *demand.grid.centres(cell, np.tile(dx, len(wet)), np.tile(dy, len(wet))))
    is_wet = np.zeros(len(lon), dtype=bool)
    is_wet[_in_any(water, lon, lat)] = True
    distance = geodesic_m(np.repeat(demand.lon[wet], len(dx)), np.repeat(demand.lat[wet], len(dx)), lon, lat)
    distance[is_wet] = np.inf
    best = distance.reshape(len(wet), -1).argmin(axis=1) + np.arange(len(wet)) * len(dx)
    dry = np.isfinite(distance[best])
    new_lon, new_lat = demand.lon.copy(), demand.lat.copy()
    new_lon[wet[dry]], new_lat[wet[dry]] = lon[best[dry]], lat[best[dry]]
    return replace(demand, lon=new_lon, lat=new_lat, moved=int(dry.sum()), in_water=int((~dry).sum()))


def _in_any(areas: NDArray[np.object_], lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the points strictly inside any area, ascending; the areas, with many corners, are the prepared side."""
    return np.unique(shapely.STRtree(shapely.points(lon, lat)).query(areas, predicate="contains_properly")[1])
