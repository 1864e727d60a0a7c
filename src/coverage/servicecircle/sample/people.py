"""Where the people of a sample county live: persons on cells of three arc seconds.

Villages spread over many thinly settled cells, towns fill few cells densely (measured facts). People move only for
one reason: no unit may fall short of a criterion, or not, by a hair. Where a verdict would change with a tenth more or
less of the limit, the people of the cells in between move to other cells of the same unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from affine import Affine
from scipy import ndimage
from scipy.spatial import cKDTree

from servicecircle.geo.crs import WGS84
from servicecircle.geo.grid import Grid
from servicecircle.sample.land import Land, stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from servicecircle.sample.plant import Planted
    from servicecircle.sample.settle import Places

STEP_DEG = 1 / 1200
#: People of a cell: in villages from a few to a dozen, in towns up to the densest cell measured.
VILLAGE_CELL = (3.9, 12.0)
TOWN_CELL, DENSEST = 95.0, 178.0
#: Village sizes: median, spread of the logarithm, smallest and largest.
VILLAGE_MEDIAN, VILLAGE_SPREAD, VILLAGE_RANGE = 900.0, 0.66, (150.0, 3300.0)
#: People of a planted village.
PLANTED_PERSONS = 180.0
#: Radius of a town's built-up land, and its density beside the county town's.
SEAT_M, SEAT_DENSITY = 520.0, 0.7
#: Nobody lives farther from the middle of the own settlement.
FARTHEST_M = 2600.0
#: So many times the cells a place fills at first are candidates: people may move there.
CANDIDATES = 1.5
#: The nearest of them, as a multiple of the same number.
NEAREST = 1.25
#: People keep this far from the river's bank, the expressway and the railway.
CLEAR_M = 70.0


@dataclass(frozen=True)
class Cells:
    """Cells people may live in, best first inside each settlement.

    Attributes
    ----------
    grid : Grid
    index : int64 array (cells,)
        Flat index on the grid.
    place : int64 array (cells,)
        Settlement.
    weight : float64 array (cells,)
        Relative density.
    wanted : int64 array (places,)
        Cells a settlement fills at first.
    """

    grid: Grid
    index: NDArray[np.int64]
    place: NDArray[np.int64]
    weight: NDArray[np.float64]
    wanted: NDArray[np.int64]

    def rank(self) -> NDArray[np.int64]:
        """Return the place of each cell in its settlement's order, from 0."""
        start = np.searchsorted(self.place, np.arange(len(self.wanted)))
        return np.arange(len(self.place)) - start[self.place]


@dataclass(frozen=True)
class Livable:
    """Cells where people of a settlement can live: wholly in one unit, dry, on the settlement's side of the river.

    Attributes
    ----------
    cell, place : int64 arrays (cells,)
    xy : float64 array (cells, 2)
    away : float64 array (cells,)
        Metres from the middle of the settlement.
    built : bool array (cells,)
        Whether streets are near: people of towns live there only.
    """

    grid: Grid
    cell: NDArray[np.int64]
    place: NDArray[np.int64]
    xy: NDArray[np.float64]
    away: NDArray[np.float64]
    built: NDArray[np.bool_]


def livable(land: Land, places: Places, units: NDArray[np.object_], planted: Planted) -> Livable:
    """Return where people can live."""
    grid = make_grid(land)
    cell, place = _whole_cells(land, grid, places, units)
    xy = land.working.project(*grid.centres(cell))
    away = np.hypot(*(xy - places.xy[place]).T)
    dry = land.clearance_m(xy) > CLEAR_M
    dry &= land.east_of_river(xy) == land.east_of_river(places.xy)[place]
    for k, (low, high) in planted.rings.items():
        dry &= (place != k) | ((away >= low) & (away <= high))
    kind = places.kind[place]
    core = np.hypot(*(xy - land.core_xy).T) <= land.core_m
    built = np.where(kind == "seat", away <= SEAT_M, np.where(kind == "core", core, kind == "village"))
    return Livable(grid, cell[dry], place[dry], xy[dry], away[dry], built[dry])


def sizes(land: Land, places: Places, planted: Planted, room: Livable, seed: int) -> NDArray[np.int64]:
    """Return the residents of each settlement, whole people that add up to the preset's total."""
    rng = stream(seed, "sizes")
    village = places.kind == "village"
    urban = land.preset.urban_share * land.preset.residents
    size = np.bincount(room.place[room.built], minlength=places.count) * rng.lognormal(0, 0.12, places.count)
    size *= np.where(places.kind == "seat", SEAT_DENSITY, 1.0)
    size[~village] *= urban / max(size[~village].sum(), 1e-9)
    drawn = np.clip(rng.lognormal(np.log(VILLAGE_MEDIAN), VILLAGE_SPREAD, places.count), *VILLAGE_RANGE)
    for k in planted.rings:
        drawn[k] = PLANTED_PERSONS
    rural = land.preset.residents - urban
    free = village & ~np.isin(np.arange(places.count), list(planted.rings))
    drawn[free] *= (rural - drawn[village & ~free].sum()) / max(drawn[free].sum(), 1e-9)
    size[village] = drawn[village]
    whole = np.floor(size).astype(np.int64)
    left = land.preset.residents - int(whole.sum())
    whole[np.argsort(whole - size, kind="stable")[:left]] += 1
    return whole


def make_cells(land: Land, places: Places, room: Livable, persons: NDArray[np.int64], seed: int) -> Cells:
    """Return the cells people may live in, best first inside each settlement."""
    cell, place = room.cell, room.place
    patchy = _patchy(room.grid, stream(seed, "cells")).ravel()[cell]
    weight = np.exp(-room.away / 800.0 + 0.8 * patchy) * np.where(room.built, 1.0, 0.01)
    wanted = _wanted(land, places, persons)
    order = np.lexsort((cell, -weight, place))
    cells = Cells(room.grid, cell[order], place[order], weight[order], wanted)
    # the nearest cells, and every few of the rest: a village that cannot stay where it is finds other ground
    rank, near = cells.rank(), np.ceil(NEAREST * wanted)[cells.place]
    beyond = np.bincount(cells.place, minlength=places.count) - np.ceil(NEAREST * wanted)
    stride = np.maximum(np.ceil(beyond / np.maximum((CANDIDATES - NEAREST) * wanted, 1)), 1)[cells.place]
    kept = (rank < near) | ((rank - near) % stride == 0)
    return Cells(room.grid, cells.index[kept], cells.place[kept], cells.weight[kept], wanted)


def make_grid(land: Land) -> Grid:
    """Return the grid of three arc seconds over the county."""
    corners = np.array([land.outline.buffer(400).bounds[:2], land.outline.buffer(400).bounds[2:]])
    lon, lat = land.working.unproject(corners)
    left, top = np.floor(lon.min() / STEP_DEG), np.ceil(lat.max() / STEP_DEG)
    shape = int(top - np.floor(lat.min() / STEP_DEG)), int(np.ceil(lon.max() / STEP_DEG) - left)
    return Grid(WGS84, Affine(STEP_DEG, 0, left * STEP_DEG, 0, -STEP_DEG, top * STEP_DEG), shape)


def _whole_cells(
    land: Land, grid: Grid, places: Places, units: NDArray[np.object_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the cells near a settlement that lie wholly in one unit, and the unit."""
    every = np.arange(grid.shape[0] * grid.shape[1], dtype=np.int64)
    away = cKDTree(places.xy).query(land.working.project(*grid.centres(every)), distance_upper_bound=FARTHEST_M)[0]
    near = every[np.isfinite(away)]
    corners = [land.working.project(*grid.centres(near, dx, dy)) for dx in (0.0, 1.0) for dy in (0.0, 1.0)]
    owner = np.full((4, len(near)), -1, dtype=np.int64)
    for k, xy in enumerate(corners):
        unit, point = shapely.STRtree(shapely.points(xy)).query(units, predicate="contains_properly")
        owner[k, point] = unit
    whole = np.flatnonzero((owner[0] >= 0) & (owner == owner[0]).all(axis=0))
    return near[whole], owner[0][whole]


def _patchy(grid: Grid, rng: np.random.Generator) -> NDArray[np.float64]:
    field = ndimage.gaussian_filter(rng.standard_normal(grid.shape), 1.3)
    return np.asarray((field - field.mean()) / field.std())


def _wanted(land: Land, places: Places, persons: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many cells a settlement fills; villages share what the populated share leaves."""
    town = places.kind != "village"
    wanted = np.maximum(np.ceil(persons / TOWN_CELL), 4)
    cell_km2 = (STEP_DEG * 111.32) ** 2 * np.cos(np.radians(land.preset.lat))
    free = land.preset.populated_share * land.preset.area_km2 / cell_km2 - wanted[town].sum()
    each = 10.0
    if land.preset.populated_share > 0:
        each = max(float(persons[~town].sum()) / max(free, 1.0), VILLAGE_CELL[0] * 1.1)
    wanted[~town] = np.maximum(np.ceil(persons[~town] / each), 12)
    return wanted.astype(np.int64)


@dataclass(frozen=True)
class Spread:
    """People over cells, and what they were spread by: only settlements for which that changes are spread anew."""

    persons: NDArray[np.float64]
    used: NDArray[np.bool_]
    residents: NDArray[np.int64]


def spread(
    places: Places,
    cells: Cells,
    residents: NDArray[np.int64],
    used: NDArray[np.bool_],
    before: Spread | None = None,
) -> Spread:
    """Share each settlement's people over its used cells by weight, two decimals, exact sum."""
    result = np.zeros(len(cells.index)) if before is None else before.persons.copy()
    todo = np.arange(places.count)
    if before is not None:
        moved = np.isin(todo, cells.place[used != before.used]) | (residents != before.residents)
        todo = np.flatnonzero(moved)
    # cells stand settlement after settlement
    start = np.searchsorted(cells.place, np.arange(places.count + 1))
    for k in todo.tolist():
        mine = slice(start[k], start[k + 1])
        result[mine] = 0.0
        rows = start[k] + np.flatnonzero(used[mine])
        if len(rows):
            low, high = VILLAGE_CELL if places.kind[k] == "village" else (30.0, DENSEST)
            result[rows] = _shared(float(residents[k]), cells.weight[rows], low, high)
    return Spread(result, used, residents)


def _shared(total: float, weight: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """Share whole people over cells by weight, between a lowest and a highest number; two decimals, exact sum."""
    value = np.sqrt(weight) / np.sqrt(weight).sum() * total
    low, high = min(low, total / len(value)), max(high, total / len(value))
    for _ in range(40):
        value = np.clip(value, low, high)
        value += (total - value.sum()) / len(value)
    cents = np.floor(value * 100).astype(np.int64)
    missing = round(total * 100) - int(cents.sum())
    # what rounding took away comes back a cent a cell, the sparsest cells first
    order = np.argsort(cents, kind="stable")
    cents += missing // len(cents)
    cents[order[: missing % len(cents)]] += 1
    return np.asarray(cents / 100)
