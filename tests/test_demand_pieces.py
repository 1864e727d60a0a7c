"""Cells shared by area, points in water, the window's ledger, and places that belong to the nearest unit."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from servicecircle.demand import ledger
from servicecircle.demand.pieces import Demand, Shares, cell_shares, out_of_water, point_demand, raster_demand
from servicecircle.demand.settlements import (
    BLOCK_M,
    BlockNaming,
    assign,
    directions,
    nearest_unit,
    place_units,
    where_text,
)
from servicecircle.errors import InternalError
from servicecircle.geo.crossings import Crossings
from servicecircle.geo.crs import WGS84, WorkingCrs
from servicecircle.geo.grid import Grid, Surface

from .travel_fixtures import BOARD, at

# --- shares of cells --------------------------------------------------------------------------------------------------

GRIDS = {
    "geographic": Grid(WGS84, Affine(0.001, 0, 117.0, 0, -0.0008, 35.0), (9, 12)),
    "south-up": Grid(WGS84, Affine(0.001, 0, 117.0, 0, 0.0008, 34.9928), (9, 12)),
    "projected": Grid(pyproj.CRS.from_epsg(4547), Affine(100, 0, 500_000, 0, -80, 3_875_000), (9, 12)),
    "projected south-up": Grid(pyproj.CRS.from_epsg(32650), Affine(100, 0, 500_000, 0, 80, 3_872_000), (9, 12)),
    "CGCS2000": Grid(pyproj.CRS.from_epsg(4490), Affine(0.001, 0, 117.0, 0, -0.0008, 35.0), (9, 12)),
}


def corners(grid: Grid, cell: int) -> shapely.Polygon:
    """Return a cell as a polygon in the grid's CRS."""
    a, b, c, d, e, f = tuple(grid.transform)[:6]
    row, col = divmod(cell, grid.shape[1])
    spots = ((col, row), (col + 1, row), (col + 1, row + 1), (col, row + 1))
    return shapely.Polygon([(a * x + b * y + c, d * x + e * y + f) for x, y in spots])


def some_units(grid: Grid, seed: int, count: int = 6) -> gpd.GeoDataFrame:
    """Return Voronoi cells (they share borders and do not overlap) around random points, without the last two."""
    rng = np.random.default_rng(seed)
    west, south, east, north = shapely.total_bounds(
        [corners(grid, 0), corners(grid, grid.shape[0] * grid.shape[1] - 1)]
    )
    seeds = shapely.MultiPoint(np.column_stack((rng.uniform(west, east, count), rng.uniform(south, north, count))))
    window = shapely.box(west - (east - west) / 5, south, east, north)
    parts = [part.intersection(window) for part in shapely.voronoi_polygons(seeds, extend_to=window).geoms]
    frame = gpd.GeoDataFrame({"id": [f"u{k}" for k in range(len(parts))]}, geometry=parts, crs=grid.crs)
    return frame.to_crs("EPSG:4326").iloc[: len(parts) - 2].reset_index(drop=True)


def population(grid: Grid, seed: int) -> Surface:
    """Return people in two cells of three; one cell in twelve holds no value."""
    rng = np.random.default_rng(seed)
    values = np.where(rng.uniform(size=grid.shape) < 2 / 3, rng.gamma(1.0, 20.0, grid.shape), 0.0)
    values[rng.uniform(size=grid.shape) < 1 / 12] = np.nan
    return Surface(grid, values, "persons")


def plain_shares(surface: Surface, units: gpd.GeoDataFrame) -> dict[tuple[int, int], float]:
    """Return area fractions by shapely, cell by cell, in the grid's CRS."""
    shapes = units.geometry.to_crs(surface.grid.crs)
    found = {}
    for cell in np.flatnonzero(np.nan_to_num(surface.values.ravel()) > 0).tolist():
        square = corners(surface.grid, cell)
        for unit, shape in enumerate(shapes):
            share = square.intersection(shape).area / square.area
            if share > 0:
                found[cell, unit] = share
    return found


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", GRIDS)
def test_cell_shares_are_area_fractions(name: str, seed: int) -> None:
    surface, units = population(GRIDS[name], seed), some_units(GRIDS[name], seed)
    shares, plain = cell_shares(surface, units), plain_shares(surface, units)
    got = {(int(c), int(u)): s for c, u, s in zip(shares.place, shares.unit, shares.share, strict=True)}
    assert len(got) == len(shares.share)
    assert any(0.01 < share < 0.99 for share in plain.values())
    for key in got.keys() | plain.keys():  # exactextract keeps 24 bits
        assert got.get(key, 0.0) == pytest.approx(plain.get(key, 0.0), abs=2e-6)
    assert (np.diff(shares.place) >= 0).all()
    total = np.bincount(shares.place, weights=shares.share)
    assert total.max() <= 1 + 1e-15
    inside = {c for c in {c for c, _ in plain} if sum(s for (k, _), s in plain.items() if k == c) > 1 - 1e-9}
    assert inside
    assert {total[c] for c in inside} <= {1.0, 1 - 2**-53, 1 - 2**-52}


@pytest.mark.parametrize("name", GRIDS)
def test_a_raster_the_other_way_up_gives_the_same(name: str) -> None:
    grid = GRIDS[name]
    surface, units = population(grid, 9), some_units(grid, 9)
    a, b, c, d, e, f = tuple(grid.transform)[:6]
    turned = Surface(
        Grid(grid.crs, Affine(a, b, c, d, -e, f + e * grid.shape[0]), grid.shape), surface.values[::-1], "persons"
    )
    one, other = (raster_demand(s, cell_shares(s, units), per_side=2) for s in (surface, turned))
    assert math.fsum(one.piece_persons) == pytest.approx(math.fsum(other.piece_persons), rel=1e-6)
    by_place = [sorted(zip(d.lon.round(9), d.lat.round(9), d.persons, strict=True)) for d in (one, other)]
    assert np.allclose(by_place[0], by_place[1], rtol=1e-12, atol=1e-9)
    for k in range(len(units)):
        assert one.piece_persons[one.piece_unit == k].sum() == pytest.approx(
            other.piece_persons[other.piece_unit == k].sum(), rel=1e-5
        )


def test_units_beside_the_raster_get_nothing() -> None:
    surface = population(GRIDS["geographic"], 1)
    far = gpd.GeoDataFrame({"id": ["far"]}, geometry=[shapely.box(118, 35, 118.1, 35.1)], crs="EPSG:4326")
    shares = cell_shares(surface, far)
    assert len(shares.place) == 0
    demand = raster_demand(surface, shares, per_side=2)
    assert demand.points == 0
    assert demand.outside_persons == demand.window_persons == math.fsum(np.nan_to_num(surface.values.ravel()))


# --- the ledger -------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.sampled_from(sorted(GRIDS)), st.integers(0, 10_000), st.integers(1, 4), st.floats(1e-6, 1e9))
def test_window_is_inside_and_outside(name: str, seed: int, per_side: int, scale: float) -> None:
    surface, units = population(GRIDS[name], seed), some_units(GRIDS[name], seed)
    surface = Surface(surface.grid, surface.values * scale, "persons")
    demand = raster_demand(surface, cell_shares(surface, units), per_side=per_side)
    inside = math.fsum(demand.piece_persons)
    assert demand.window_persons == math.fsum(np.nan_to_num(surface.values.ravel()))
    assert abs(demand.window_persons - inside - demand.outside_persons) <= 1e-9 * demand.window_persons
    assert ledger.check([ledger.window_line(demand)])[0].gap <= 1e-9
    # every person of a point is in a unit or outside, never twice
    held = np.bincount(demand.piece_point, weights=demand.piece_persons, minlength=demand.points)
    assert (held <= demand.persons * (1 + 1e-12)).all()
    assert len(np.unique(np.column_stack((demand.piece_point, demand.piece_unit)), axis=0)) == len(demand.piece_point)


def test_an_open_ledger_stops_the_run() -> None:
    assert ledger.check([ledger.line("window", 1e9, {"in": 1e9 - 0.5})])[0].gap == pytest.approx(5e-10)
    with pytest.raises(InternalError) as error:
        ledger.check(
            [ledger.line("a", 1.0, {"in": 1.0}), ledger.line("b", 1e9, {"in": 1e9 - 2}), ledger.line("c", math.nan, {})]
        )
    assert [p.values["line"] for p in error.value.problems] == ["b", "c"]


def test_points_of_a_cell() -> None:
    """A cell of 100 m x 80 m from (500,000, 3,875,000): 2 x 2 points at a quarter and three quarters, 2.5 people each."""
    grid = GRIDS["projected"]
    values = np.zeros(grid.shape)
    values[0, 0] = 10
    shares = Shares(np.array([0, 0]), np.array([1, 3]), np.array([0.25, 0.5]))
    demand = raster_demand(Surface(grid, values, "persons"), shares, per_side=2)
    x, y = pyproj.Transformer.from_crs("EPSG:4326", grid.crs, always_xy=True).transform(demand.lon, demand.lat)
    assert np.column_stack((x, y)) == pytest.approx(
        np.array([(500_025, 3_874_980), (500_075, 3_874_980), (500_025, 3_874_940), (500_075, 3_874_940)]), abs=1e-3
    )
    assert demand.persons.tolist() == [2.5] * 4
    assert demand.piece_point.tolist() == [0, 1, 2, 3] * 2
    assert demand.piece_unit.tolist() == [1] * 4 + [3] * 4
    assert demand.piece_persons.tolist() == [0.625] * 4 + [1.25] * 4
    assert demand.outside_persons == 2.5
    assert demand.half_m == pytest.approx(25.0, rel=1e-3)
    assert demand.cell.tolist() == [0] * 4


def test_people_given_at_points() -> None:
    lon, lat = np.array([117.0, 117.1, 117.2, 117.3]), np.full(4, 35.0)
    persons = np.array([10.0, 20.0, 30.0, 40.0])
    demand = point_demand(lon, lat, persons, Shares(np.array([0, 2, 3]), np.array([1, 0, 1]), np.ones(3)))
    assert demand.lon.tolist() == [117.0, 117.2, 117.3]
    assert demand.cell.tolist() == [0, 2, 3]
    assert demand.piece_point.tolist() == [0, 1, 2]
    assert demand.piece_persons.tolist() == [10.0, 30.0, 40.0]
    assert (demand.window_persons, demand.outside_persons, demand.half_m) == (100.0, 20.0, None)
    assert ledger.window_line(demand).gap == 0


# --- out of the water -------------------------------------------------------------------------------------------------


def one_cell() -> Demand:
    """Return the four points of one cell of 0.008 degree: the 8 x 8 lattice has a step of 0.001."""
    grid = Grid(WGS84, Affine(0.008, 0, 117.0, 0, -0.008, 35.008), (1, 1))
    surface = Surface(grid, np.array([[40.0]]), "persons")
    return raster_demand(surface, Shares(np.array([0]), np.array([0]), np.array([1.0])), per_side=2)


def water(*shapes: shapely.Geometry) -> np.ndarray:
    array = np.empty(len(shapes), dtype=object)
    array[:] = shapes
    return array


def test_points_leave_the_water() -> None:
    """Points at 0.002 and 0.006; west of 0.0037 is water.

    Lattice columns lie at 0.0005, 0.0015, ...; 0.0045 is the nearest dry one. The rows next to a point are 0.0005 to
    its north and south.
    """
    demand = one_cell()
    moved = out_of_water(demand, water(shapely.box(116, 34, 117.0037, 36)))
    assert (moved.moved, moved.in_water) == (2, 0)
    assert (moved.lon - 117).round(6).tolist() == [0.0045, 0.006, 0.0045, 0.006]
    assert moved.lat[[1, 3]].tolist() == demand.lat[[1, 3]].tolist()
    assert np.abs(moved.lat[[0, 2]] - demand.lat[[0, 2]]).max() == pytest.approx(0.0005, abs=1e-9)
    assert moved.persons.tolist() == demand.persons.tolist()
    assert moved.piece_persons.tolist() == demand.piece_persons.tolist()
    assert (demand.moved, demand.lon.tolist()) == (0, one_cell().lon.tolist())  # the old demand is as it was


def test_a_cell_without_land_keeps_its_people() -> None:
    demand = one_cell()
    drowned = out_of_water(demand, water(shapely.box(116, 34, 118, 36)))
    assert (drowned.moved, drowned.in_water) == (0, 4)
    assert drowned.lon.tolist() == demand.lon.tolist()
    # an island between the lattice points helps nobody
    island = shapely.box(116, 34, 118, 36).difference(shapely.box(117.0011, 35.0011, 117.0012, 35.0012))
    assert out_of_water(demand, water(island)).in_water == 4


def test_a_point_on_the_shore_is_dry() -> None:
    demand = one_cell()
    assert out_of_water(demand, water(shapely.box(116, 34, demand.lon[0], 36))).moved == 0
    assert out_of_water(demand, water()) is demand
    assert out_of_water(demand, water(shapely.box(100, 10, 101, 11))) is demand


def test_two_lakes() -> None:
    """A point must leave both, not move from one into the other."""
    lakes = water(shapely.box(116, 34, 117.0037, 36), shapely.box(117.0037, 34, 117.0057, 36))
    moved = out_of_water(one_cell(), lakes)
    assert (moved.lon - 117).round(6).tolist() == [0.0065, 0.006, 0.0065, 0.006]


# --- units from places ------------------------------------------------------------------------------------------------

NOTHING = Crossings(np.zeros(0, dtype=object), np.zeros(0, dtype=bool))


def villages(**where: tuple[float, float]) -> gpd.GeoDataFrame:
    ids = np.array(list(where))
    lon, lat = np.array([at(*spot) for spot in where.values()]).T
    return place_units(ids, np.char.add("村", ids), np.full(len(ids), "village"), lon, lat)


def units_of(units: gpd.GeoDataFrame, *spots: tuple[float, float], crossings: Crossings = NOTHING) -> list[str | None]:
    lon, lat = np.array([at(*spot) for spot in spots]).T
    return [None if row < 0 else str(units["id"][row]) for row in nearest_unit(lon, lat, units, BOARD, crossings)]


def river(*spots: tuple[float, float]) -> Crossings:
    xy = BOARD.project(*np.array([at(*spot) for spot in spots]).T)
    return Crossings(np.array([shapely.LineString(xy)], dtype=object), np.array([False]))


def test_the_nearest_village_at_most_three_kilometres_away() -> None:
    units = villages(a=(0, 0), b=(2000, 0))
    assert units_of(units, (-10, 0), (900, 0), (1100, 0), (5000, 0), (5000.1, 0)) == ["a", "a", "b", "b", None]
    assert units_of(units, (-3000, 0), (-3000.001, 0)) == ["a", None]


def test_not_across_a_river() -> None:
    units = villages(a=(0, 0), b=(2000, 0))
    between = river((500, -9000), (500, 9000))
    # (600, 0) is nearer to a, but beyond the river; (-1500, 0) has only a; (4000, 0) only b
    assert units_of(units, (600, 0), (400, 0), (-1500, 0), (4000, 0), crossings=between) == ["b", "a", "a", "b"]
    # on an island between two rivers there is no village
    both = Crossings(
        np.concatenate(
            [river((500, -9000), (500, 9000))._others._lines, river((700, -9000), (700, 9000))._others._lines]
        ),
        np.zeros(2, bool),
    )
    assert units_of(units, (600, 0), crossings=both) == [None]


def test_ties_between_villages_go_to_the_smaller_id() -> None:
    assert units_of(villages(b=(0, 500), a=(0, 500)), (0, 0)) == ["a"]
    assert units_of(villages(a=(0, 500), b=(0, 500)), (0, 0)) == ["a"]


def test_three_kilometres_are_geodesic() -> None:
    """140 km from the centre a planar metre is 0.24 per mille long: 2,999.9 m must not become 3,000.6 m."""
    wide = WorkingCrs((116.0, 34.9, 119.0, 35.1))  # centre 117.5, the places 1.53 degrees west of it
    lon, lat = np.array([115.97]), np.array([35.0])
    north, out, _ = (np.array([v]) for v in pyproj.Geod(ellps="WGS84").fwd(115.97, 35.0, 0.0, 2999.9))
    units = place_units(np.array(["a"]), np.array(["A"]), np.array(["village"]), north, out)
    planar = np.hypot(*(wide.project(lon, lat) - wide.project(north, out))[0])
    assert planar > 3000
    assert nearest_unit(lon, lat, units, wide, NOTHING).tolist() == [0]


def test_no_units_and_no_places() -> None:
    none = villages(a=(0, 0)).iloc[:0]
    assert nearest_unit(np.array([117.0]), np.array([35.0]), none, BOARD, NOTHING).tolist() == [-1]
    assert nearest_unit(np.zeros(0), np.zeros(0), villages(a=(0, 0)), BOARD, NOTHING).tolist() == []


def test_urban_places() -> None:
    kinds = np.array(["city", "town", "suburb", "quarter", "neighbourhood", "village", "hamlet"])
    frame = place_units(np.array(list("gfedcba")), kinds, kinds, np.full(7, 117.0), np.full(7, 35.0))
    assert frame["id"].tolist() == list("abcdefg")
    assert frame["area_class"].tolist() == ["rural"] * 2 + ["urban"] * 5
    assert set(frame["basis"]) == {"nearest_point"}


def test_what_is_left_becomes_blocks() -> None:
    """Two places near the village; three far away, two of them in one block of 2 km."""
    units = villages(a=(0, 0))
    spots = [(100, 0), (12_100, 100), (0, -50), (12_300, 900), (15_900, 100)]
    lon, lat = np.array([at(*spot) for spot in spots]).T
    naming = BlockNaming(named=units, default_class="rural", language="en")
    frame, shares = assign(lon, lat, np.array([3, 4, 5, 8, 9]), units, BOARD, NOTHING, naming=naming)
    assert shares.place.tolist() == [3, 4, 5, 8, 9]
    assert shares.share.tolist() == [1.0] * 5
    basis = frame["basis"].to_numpy()[shares.unit]
    assert basis.tolist() == ["nearest_point", "block", "nearest_point", "block", "block"]
    blocks = frame["id"].to_numpy()[shares.unit]
    planar = np.floor(BOARD.project(lon, lat) / BLOCK_M).astype(int)
    assert blocks[[1, 3, 4]].tolist() == [f"block:{x}:{y}" for x, y in planar[[1, 3, 4]]]
    assert blocks[1] == blocks[3] != blocks[4]
    # north of the village by 12 to 16 km: "13 km N of ..."
    assert all(" km N of 村a" in name for name in frame.loc[basis_is_block(frame), "name"])
    assert set(frame.loc[basis_is_block(frame), "area_class"]) == {"rural"}


def basis_is_block(frame: gpd.GeoDataFrame) -> np.ndarray:
    return (frame["basis"] == "block").to_numpy()


def test_a_place_name_nobody_belongs_to_is_no_unit_and_a_given_point_is() -> None:
    lon, lat = np.array([at(100, 0)]).T
    named = villages(a=(0, 0), b=(0, 2500))
    naming = BlockNaming(named=named, default_class="rural", language="zh")
    frame, shares = assign(lon, lat, np.array([0]), named, BOARD, NOTHING, naming=naming)
    assert frame["id"].tolist() == ["a"]
    assert shares.unit.tolist() == [0]
    listed = named.assign(class_basis="column")
    frame, shares = assign(lon, lat, np.array([0]), listed, BOARD, NOTHING, naming=naming)
    assert frame["id"].tolist() == ["a", "b"]
    assert shares.unit.tolist() == [0]


@pytest.mark.parametrize(
    ("spot", "compass", "km"),
    [
        ((1000, 0), "N", 1.0),
        ((1000, -1000), "NE", math.sqrt(2)),
        ((0, -1000), "E", 1.0),
        ((-1000, -1000), "SE", math.sqrt(2)),
        ((-1000, 0), "S", 1.0),
        ((-1000, 1000), "SW", math.sqrt(2)),
        ((0, 1000), "W", 1.0),
        ((1000, 1000), "NW", math.sqrt(2)),
        ((1000, -400), "N", math.hypot(1, 0.4)),  # 21.8 degrees
        ((1000, -430), "NE", math.hypot(1, 0.43)),  # 23.3 degrees
    ],
)
def test_compass(spot: tuple[float, float], compass: str, km: float) -> None:
    """The board's x points north, its y west."""
    lon, lat = np.array([at(*spot)]).T
    where = directions(lon, lat, villages(a=(0, 0)))[0]
    assert (where.compass, where.name) == (compass, "村a")
    assert where.km == pytest.approx(km, rel=1e-5)


def test_where_in_words() -> None:
    near, far = (directions(*np.array([at(*spot)]).T, villages(a=(0, 0)))[0] for spot in ((400, 0), (4000, 0)))
    assert where_text(near, 117, 35, "en") == "near 村a"
    assert where_text(far, 117, 35, "en") == "4 km N of 村a"
    assert where_text(far, 117, 35, "zh").startswith("村a")
    assert where_text(None, 117.12345, 35.0, "en") == "35.000, 117.123"
    assert directions(np.array([117.0]), np.array([35.0]), villages(a=(0, 0)).iloc[:0]) == [None]
