"""Space: it does not matter in which coordinate system a layer came, nor in which blocks it is worked through."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from servicecircle.geo.crs import GEOD, to_wgs84
from servicecircle.travel import doors, isochrones, reach, straight
from servicecircle.travel.reach import State

from .county import County, both, counties, examples, inputs_of, outcome, prepare
from .test_people import SHARES, world_or_none

if TYPE_CHECKING:
    from servicecircle.analysis.stages import Prepared
    from servicecircle.inputs.gather import Inputs

#: Geographic twice, Gauss-Kruger with and without a zone, UTM, and the web's.
SYSTEMS = ("EPSG:4326", "EPSG:4490", "EPSG:4547", "EPSG:4526", "EPSG:32650", "EPSG:3857")


# --- P9: coordinate systems ----------------------------------------------------------------------------------------------


def there_and_back(inputs: Inputs, of_units: str, of_facilities: str, of_barriers: str) -> Inputs:
    """Write each layer's places in a system of its own and bring them back as the readers do."""
    assert inputs.units is not None
    frame = inputs.units.frame
    units = replace(inputs.units, frame=frame.assign(geometry=back(frame.geometry, of_units)))
    there = pyproj.Transformer.from_crs("EPSG:4326", of_facilities, always_xy=True)
    rows = inputs.facilities.frame
    lon, lat = to_wgs84(
        pyproj.CRS.from_user_input(of_facilities), *there.transform(rows["lon"].to_numpy(), rows["lat"].to_numpy())
    )
    facilities = replace(inputs.facilities, frame=rows.assign(lon=lon, lat=lat))
    barriers = inputs.roads.barriers
    shapes = back(gpd.GeoSeries(barriers.geometry, crs="EPSG:4326"), of_barriers).to_numpy()
    roads = replace(inputs.roads, barriers=replace(barriers, geometry=np.asarray(shapes, dtype=object)))
    return replace(inputs, units=units, facilities=facilities, roads=roads)


def back(shapes: gpd.GeoSeries, crs: str) -> gpd.GeoSeries:
    return shapes.to_crs(crs).to_crs("EPSG:4326") if len(shapes) else shapes


@examples(200)
@given(counties(), *[st.sampled_from(SYSTEMS)] * 3)
def test_p09_the_system_of_a_layer_does_not_matter(county: County, units: str, facilities: str, barriers: str) -> None:
    """People to 1e-6, areas to 1e-3, times to a millisecond per piece (a place comes back to a nanometre or so).

    CGCS2000 is taken as WGS 84 (0.0 m in PROJ too). Readers take corners over one by one, so a border between two
    corners stays the straight line in degrees it becomes: what a layer's own straight lines would be is not asked.
    """
    one = world_or_none(county)
    other = prepare(county.study(), there_and_back(inputs_of(county), units, facilities, barriers))
    a, b = one.world, other.world
    assert a.units["id"].tolist() == b.units["id"].tolist()
    total = max(1.0, float(a.demand.piece_persons.sum()))
    assert np.abs(a.unit_persons - b.unit_persons).max() <= SHARES * total
    if county.areal:
        area, again = ([abs(GEOD.geometry_area_perimeter(g)[0]) for g in w.units.geometry] for w in (a, b))
        assert area == pytest.approx(again, rel=1e-3)
    assert np.array_equal(a.demand.piece_point, b.demand.piece_point)
    (before, few), (after, many) = both(one), both(other)
    for key in before:
        assert np.array_equal(before[key].state, after[key].state), key
        reached = before[key].state == State.REACHED
        apart = np.abs(before[key].value[reached].astype(int) - after[key].value[reached].astype(int))
        assert apart.max(initial=0) <= a.network.size + 2
    for key in few:
        assert np.abs(few[key].persons - many[key].persons).max() <= SHARES * total


# --- P10: blocks and indexes -----------------------------------------------------------------------------------------------
#
# The package has neither tiles nor workers yet: what it has are blocks of points worked through at once, and spatial
# indexes that find candidates. Neither may show in any byte.


class Everything:
    """A spatial index that indexes nothing: it looks at every pair, and gives them in another order."""

    def __init__(self, shapes: np.ndarray) -> None:
        self.geometries = np.asarray(shapes, dtype=object)

    def query(self, geometry: object, predicate: str | None = None, distance: float | None = None) -> np.ndarray:
        single = not isinstance(geometry, np.ndarray) or geometry.ndim == 0
        asked = np.atleast_1d(np.asarray(geometry, dtype=object))
        hits = [
            (i, j)
            for i, one in enumerate(asked)
            for j, other in enumerate(self.geometries)
            if self.holds(one, other, predicate, distance)
        ]
        pairs = np.array(hits[::-1], dtype=np.int64).reshape(-1, 2).T
        return pairs[1] if single else pairs

    @staticmethod
    def holds(one: object, other: object, predicate: str | None, distance: float | None) -> bool:
        if one is None or other is None or one.is_empty or other.is_empty:
            return False
        if predicate is None:
            return bool(shapely.box(*one.bounds).intersects(shapely.box(*other.bounds)))
        if predicate == "dwithin":
            return bool(shapely.dwithin(one, other, distance))
        return bool(getattr(shapely, predicate)(one, other))


class EveryPoint:
    """The same for points: distances to all, sorted."""

    def __init__(self, xy: np.ndarray) -> None:
        self.xy = np.asarray(xy, dtype=float)

    def query(
        self, xy: np.ndarray, k: np.ndarray | None = None, distance_upper_bound: float = np.inf
    ) -> tuple[np.ndarray, np.ndarray]:
        if k is None:
            found, index = self.query(xy, np.array([1]))
            return found[:, 0], index[:, 0]
        apart = np.hypot(*(np.asarray(xy)[:, None, :] - self.xy[None, :, :]).transpose(2, 0, 1))
        apart = np.where(apart < distance_upper_bound, apart, np.inf)
        order = np.argsort(apart, axis=1, kind="stable")[:, k - 1]
        found = np.take_along_axis(apart, order, axis=1)
        return found, np.where(np.isfinite(found), order, len(self.xy))

    def query_ball_point(self, xy: np.ndarray, radius: float) -> list[list[int]]:
        apart = np.hypot(*(np.asarray(xy)[:, None, :] - self.xy[None, :, :]).transpose(2, 0, 1))
        return [np.flatnonzero(row <= radius)[::-1].tolist() for row in apart]


def bytes_of(county: County) -> bytes:
    return outcome(prepare(county.study(), inputs_of(county))).bytes()


@examples(200)
@given(county=counties(most_roads=4), block=st.integers(1, 7))
def test_p10_blocks_do_not_matter(county: County, block: int) -> None:
    world_or_none(county)
    plain = bytes_of(county)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(doors, "BLOCK", block)
        patch.setattr(straight, "BLOCK", block)
        patch.setattr("servicecircle.geo.crossings.BLOCK", block)
        assert bytes_of(county) == plain


@examples(200)
@given(county=counties(most_roads=4))
def test_p10_indexes_do_not_matter(county: County) -> None:
    world_or_none(county)
    plain = bytes_of(county)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shapely, "STRtree", Everything)
        patch.setattr(straight, "cKDTree", EveryPoint)
        patch.setattr("servicecircle.demand.settlements.cKDTree", EveryPoint)
        assert bytes_of(county) == plain


@examples(200)
@given(county=counties(most_roads=4))
def test_p10_remembered_walks_do_not_matter(county: County) -> None:
    """Pairs that are remembered between searches, all or none."""
    prepared: Prepared = world_or_none(county)
    world = prepared.world
    plain = outcome(prepared).bytes()
    for most in (0, reach.MOST_REMEMBERED):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reach, "MOST_REMEMBERED", most)
            walk = reach.RememberedWalk(world.walk.working, world.walk.crossings, world.walk.limit_m)
            again = outcome(replace(prepared, world=replace(world, walk=walk)))
            assert again.bytes() == plain


# --- D4: circles --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lat", [0.0, 30.0, 45.0, 60.0])
@pytest.mark.parametrize("km", [0.3, 1.0, 10.0, 50.0])
def test_d4_circles_against_geodesic_circles(lat: float, km: float) -> None:
    """The area of a drawn circle against that of 720 corners by pyproj, 0.2 % (64 corners alone lack 0.16 %)."""
    drawn = isochrones.circles(np.array([117.0]), np.array([lat]), km * 1000)
    azimuth = np.linspace(0, 360, 720, endpoint=False)
    lon, north, _ = GEOD.fwd(np.full(720, 117.0), np.full(720, lat), azimuth, np.full(720, km * 1000))
    true = shapely.Polygon(np.column_stack((lon, north)))
    area, wanted = (abs(GEOD.geometry_area_perimeter(shape)[0]) for shape in (drawn, true))
    assert area == pytest.approx(wanted, rel=2e-3)
    assert drawn.symmetric_difference(true).area <= 2e-3 * true.area
    corners = shapely.get_coordinates(drawn)
    metres = GEOD.inv(np.full(len(corners), 117.0), np.full(len(corners), lat), *corners.T)[2]
    assert np.abs(metres / (km * 1000) - 1).max() <= 2e-3


@pytest.mark.parametrize("lat", [0.0, 30.0, 45.0, 60.0])
def test_d4_whom_a_straight_limit_covers(lat: float) -> None:
    """No circle is drawn to judge: whoever is within 1 km by pyproj is, to the millimetre, at every latitude."""
    rng = np.random.default_rng(4)
    azimuth, metres = rng.uniform(0, 360, 2000), rng.uniform(990, 1010, 2000).round(3)
    lon, north, _ = GEOD.fwd(np.full(2000, 117.0), np.full(2000, lat), azimuth, metres)
    from servicecircle.geo.crs import WorkingCrs

    working = WorkingCrs((116.9, lat - 0.1, 117.1, lat + 0.1))
    mm, _ = straight.nearest_straight(lon, north, np.array([117.0]), np.array([lat]), working)
    assert np.array_equal(mm <= 1_000_000, np.rint(metres * 1000) <= 1_000_000)
