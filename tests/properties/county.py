"""Small random counties drawn in metres and handed to the package in memory: Inputs -> ground -> network -> world -> tables.

Metres are those of ``tests/small_study.py``: x east and y north of one origin on the grid of EPSG:32650, whose scale
is 1 there. Nothing here reads or writes a file; ``prepare`` does what ``flow.prepare`` does once the files are read.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from affine import Affine
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from servicecircle import flow
from servicecircle.analysis import build
from servicecircle.analysis.evaluate import evaluate
from servicecircle.analysis.stages import Judged, Prepared
from servicecircle.analysis.summary import Counts, CriterionSummary, count_people, ledger_line, summarise
from servicecircle.demand import ledger
from servicecircle.geo.grid import Grid, Surface
from servicecircle.inputs.assets import AssetReading
from servicecircle.inputs.facilities import FacilityReading
from servicecircle.inputs.gather import Inputs, people_bounds, widened
from servicecircle.inputs.population import PointPeople, RasterPeople
from servicecircle.inputs.roads import BarrierShapes, Places, RoadData
from servicecircle.inputs.tables import ASSETS, FACILITIES, LINKED, PEOPLE, UNITS, check_frame
from servicecircle.inputs.units import UnitReading
from servicecircle.outputs.tables import csv_bytes
from servicecircle.standards.modes import standard_modes
from servicecircle.study import study_from
from tests.small_study import CRS, ORIGIN, circle, presence, radius
from tests.travel_fixtures import as_ways

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from servicecircle.analysis.world import World
    from servicecircle.demand.ledger import LedgerLine
    from servicecircle.study import Study
    from servicecircle.travel.reach import Reach

DEEP = os.environ.get("SERVICECIRCLE_DEEP") == "1"
SHRINK = os.environ.get("SERVICECIRCLE_SHRINK") == "1"
#: In the fast run a twentieth of the examples, always the same ones.
FAST_SHARE, FAST_LEAST = 20, 10

_TO_WGS84 = pyproj.Transformer.from_crs(CRS, "EPSG:4326", always_xy=True)


def examples(count: int) -> settings:
    """Return the settings of a property: ``count`` examples in the deep run, a twentieth (at least 10) else.

    A failure is shrunk to its smallest case only with SERVICECIRCLE_SHRINK=1: that takes minutes.
    """
    return settings(
        phases=tuple(phase for phase in Phase if SHRINK or phase not in (Phase.shrink, Phase.explain)),
        max_examples=count if DEEP else max(FAST_LEAST, count // FAST_SHARE),
        derandomize=not DEEP,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )


# --- what a county is -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Road:
    """A way through nodes, by their numbers."""

    id: int
    nodes: tuple[int, ...]
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Unit:
    """A unit: a polygon, or a point, in metres."""

    id: str
    shape: shapely.Geometry
    town: str = "T1"
    area_class: str = "rural"


@dataclass(frozen=True)
class Clinic:
    """A facility."""

    id: str
    x: float
    y: float
    type: str = "clinic"


@dataclass(frozen=True)
class County:
    """Everything a study is about, in metres.

    Attributes
    ----------
    people : float64 array (rows, columns) or (points, 3)
        Persons per cell, the first row the northern one, or x, y and persons of points, as ``points`` says.
    crs, origin : str, tuple of float
        Grid the metres are drawn on and the place of the origin on it.
    """

    people: np.ndarray
    units: tuple[Unit, ...]
    nodes: Mapping[int, tuple[float, float]]
    roads: tuple[Road, ...]
    facilities: tuple[Clinic, ...]
    barriers: tuple[tuple[str, tuple[tuple[float, float], ...]], ...] = ()
    points: bool = False
    cell_m: float = 100.0
    walk_min: float = 8.0
    drive_min: float = 3.0
    straight_km: float = 0.4
    road_km: float = 0.6
    limit_m: float = 1000.0
    south_west: tuple[float, float] = (0.0, 0.0)
    crs: str = CRS
    origin: tuple[float, float] = ORIGIN
    standards: tuple[Mapping[str, Any], ...] | None = None
    extra: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def areal(self) -> bool:
        """Whether units are polygons."""
        return self.units[0].shape.geom_type != "Point"

    @cached_property
    def _transformer(self) -> pyproj.Transformer:
        return _TO_WGS84 if self.crs == CRS else pyproj.Transformer.from_crs(self.crs, "EPSG:4326", always_xy=True)

    def lonlat(self, x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return WGS 84 degrees of places in metres."""
        lon, lat = self._transformer.transform(
            self.origin[0] + np.asarray(x, dtype=float), self.origin[1] + np.asarray(y, dtype=float)
        )
        return np.asarray(lon, dtype=float), np.asarray(lat, dtype=float)

    def drawn(self, shape: shapely.Geometry) -> shapely.Geometry:
        """Return a shape in degrees."""
        return shapely.transform(shape, lambda xy: np.column_stack(self.lonlat(xy[:, 0], xy[:, 1])))

    @property
    def records(self) -> list[dict[str, Any]]:
        """The requirements: one of each way to measure, and a presence where units are polygons."""
        if self.standards is not None:
            return [dict(record) for record in self.standards]
        return [
            circle(self.walk_min, "walk", name="walk"),
            circle(self.drive_min, "drive", name="drive", direction="from_facility"),
            radius(self.straight_km, "straight", name="straight"),
            radius(self.road_km, "road:walk", name="road"),
            presence(name="presence"),
        ]

    def study(self) -> Study:
        """Return the study; its files are names only."""
        area = {"units": {"path": "units.geojson"}} if self.areal else {"points": {"path": "units.csv", "crs": "WGS84"}}
        people = {"points": {"path": "people.csv", "crs": "WGS84"}} if self.points else {"raster": "people.tif"}
        tree: dict[str, Any] = {
            "study": {"name": "random"},
            "area": area,
            "population": people,
            "roads": {"osm": "roads.osm"},
            "travel": {"access_limit_m": self.limit_m},
            "facilities": [{"path": "facilities.csv", "crs": "WGS84"}],
            "standards": {"define": self.records},
            "outputs": {"language": "en"},
        }
        for name, keys in self.extra.items():
            tree[name] = tree.get(name, {}) | dict(keys)
        return study_from(tree, Path("/nowhere/study.toml"))


# --- from a county to the package's inputs ----------------------------------------------------------------------------


def surface_of(county: County) -> Surface:
    """Return people on their grid; the south-west corner of the grid is ``south_west``."""
    height, _ = county.people.shape
    west, south = (o + s for o, s in zip(county.origin, county.south_west, strict=True))
    transform = Affine(county.cell_m, 0, west, 0, -county.cell_m, south + height * county.cell_m)
    return Surface(
        Grid(pyproj.CRS.from_user_input(county.crs), transform, county.people.shape), county.people, "persons"
    )


def people_of(county: County) -> RasterPeople | PointPeople:
    """Return the people, as the readers hand them on."""
    if not county.points:
        surface = surface_of(county)
        valid = ~np.isnan(county.people)
        return RasterPeople(surface, Path("people.tif"), int(valid.sum()), math.fsum(county.people[valid]), ())
    lon, lat = county.lonlat(county.people[:, 0], county.people[:, 1])
    persons = county.people[:, 2].astype(float)
    frame = pd.DataFrame(
        {
            "id": [f"p{k:04d}" for k in range(len(lon))],
            "lon": lon,
            "lat": lat,
            "persons": persons,
            "row": np.arange(2, len(lon) + 2, dtype=np.int64),
        }
    )
    check_frame(frame, PEOPLE)
    return PointPeople(frame, Path("people.csv"), math.fsum(persons), (), ())


def units_of(county: County) -> UnitReading:
    """Return the units, sorted by id."""
    units = sorted(county.units, key=lambda unit: unit.id)
    frame = gpd.GeoDataFrame(
        {
            "id": [unit.id for unit in units],
            "name": [f"name {unit.id}" for unit in units],
            "parent": [unit.town for unit in units],
            "kind": "",
            "area_class": [unit.area_class for unit in units],
            "class_basis": "column",
            "next_class": "",
            "next_basis": "",
            "basis": "surveyed" if county.areal else "nearest_point",
        },
        geometry=[county.drawn(unit.shape) for unit in units],
        crs="EPSG:4326",
    )
    check_frame(frame, UNITS)
    return UnitReading(frame, (), ())


def facilities_of(county: County) -> FacilityReading:
    """Return the facilities, sorted by id; row numbers are those of the order given."""
    rows = sorted(enumerate(county.facilities, start=2), key=lambda pair: pair[1].id)
    lon, lat = county.lonlat([one.x for _, one in rows], [one.y for _, one in rows])
    frame = pd.DataFrame(
        {
            "id": [one.id for _, one in rows],
            "name": [one.id.upper() for _, one in rows],
            "type": [one.type for _, one in rows],
            "type_text": [one.type for _, one in rows],
            "ownership": "",
            "lon": lon,
            "lat": lat,
            "source": "facilities.csv",
            "row": np.array([k for k, _ in rows], dtype=np.int64),
        }
    )
    check_frame(frame, FACILITIES)
    return FacilityReading(frame, (), ())


def roads_of(county: County) -> RoadData:
    """Return roads and barriers, in the order given."""
    where = {}
    if county.nodes:
        lon, lat = county.lonlat(*np.array(list(county.nodes.values()), dtype=float).T)
        where = dict(zip(county.nodes, zip(lon.tolist(), lat.tolist(), strict=True), strict=True))
    ways = as_ways([(road.id, [(n, *where[n]) for n in road.nodes], dict(road.tags)) for road in county.roads])
    geometry = np.empty(len(county.barriers), dtype=object)
    geometry[:] = [county.drawn(shapely.LineString(line)) for _, line in county.barriers]
    barriers = BarrierShapes(geometry, np.array([kind for kind, _ in county.barriers], dtype=str))
    none = np.zeros(0, dtype=str)
    return RoadData(ways, barriers, Places(none, none, none, np.zeros(0), np.zeros(0)), 0, ())


def inputs_of(county: County) -> Inputs:
    """Return the checked inputs of a county."""
    population, units = people_of(county), units_of(county)
    people = people_bounds(population)
    assert people is not None
    extent = tuple(float(v) for v in units.frame.total_bounds) if county.areal else people
    assets = AssetReading(pd.DataFrame(columns=list(ASSETS)), pd.DataFrame(columns=list(LINKED)), (), (), {})
    return Inputs(population, units, facilities_of(county), assets, roads_of(county), extent, widened(extent, 20.0))


def prepare(study: Study, inputs: Inputs) -> Prepared:
    """Return what ``flow.prepare`` returns, without its reading."""
    standards = flow.study_standards(study)
    criteria = tuple(criterion for standard in standards for criterion in standard.criteria())
    modes = build.study_modes(study, standard_modes(), criteria, standards)
    ground = build.build_ground(study, inputs, criteria, modes)
    network = build.build_network_of(study, inputs, ground, modes)
    wide, finder = build.build_world(study, inputs, ground, network, modes)
    return Prepared(study, standards, criteria, inputs, ground, wide.with_modes(modes), finder, wide)


# --- what comes out ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """Results of a county."""

    prepared: Prepared
    judged: Judged
    summaries: tuple[CriterionSummary, ...]

    @property
    def world(self) -> World:
        """The world that was judged."""
        return self.prepared.world

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Rows of units by criterion."""
        keys = [entry.criterion.key for entry in self.judged.coverage.criteria]
        return dict(zip(keys, self.judged.tables, strict=True))

    @property
    def by_key(self) -> dict[str, CriterionSummary]:
        """Summaries by criterion."""
        return {summary.criterion.key: summary for summary in self.summaries}

    @property
    def lines(self) -> list[LedgerLine]:
        """Every line of the people ledger."""
        demand = self.world.demand
        pairs = zip(self.judged.coverage.criteria, self.judged.counts, strict=True)
        return [
            ledger.window_line(demand),
            ledger.calibration_line(demand),
            *ledger.calibration_lines(demand),
            *ledger.group_lines(demand),
            *(ledger_line(entry, counts) for entry, counts in pairs),
        ]

    def bytes(self) -> bytes:
        """Return the unit tables as they are written."""
        filled = [table for table in self.judged.tables if len(table)]
        return csv_bytes("units", pd.concat(filled, ignore_index=True)) if filled else b""


def outcome(prepared: Prepared) -> Outcome:
    """Judge a prepared study."""
    judged = flow.judge(prepared)
    pairs = zip(judged.coverage.criteria, judged.counts, strict=True)
    summaries = tuple(summarise(prepared.world, entry, counts, assumed_target=1.0) for entry, counts in pairs)
    return Outcome(prepared, judged, summaries)


def world_of(county: County) -> Prepared:
    """Prepare a county."""
    return prepare(county.study(), inputs_of(county))


def run(county: County) -> Outcome:
    """Prepare and judge a county."""
    return outcome(world_of(county))


def both(prepared: Prepared) -> tuple[dict[str, Reach], dict[str, Counts]]:
    """Return the reach each criterion is judged by (but of a presence), and the people of each; no tables."""
    coverage = evaluate(prepared.world, prepared.criteria)
    reaches = {entry.criterion.key: entry.reach for entry in coverage.criteria if entry.reach is not None}
    return reaches, {entry.criterion.key: count_people(prepared.world, entry) for entry in coverage.criteria}


def counted(prepared: Prepared) -> dict[str, Counts]:
    """Return the people of each criterion, without the tables (they cost most of a run)."""
    return both(prepared)[1]


# --- random counties --------------------------------------------------------------------------------------------------

SPACING_M = 150
SIDE = 5
EXTENT_M = SPACING_M * (SIDE - 1)
TWO_WAY: tuple[Mapping[str, str], ...] = (
    {"highway": "residential"},
    {"highway": "primary"},
    {"highway": "tertiary", "maxspeed": "30"},
    {"highway": "track"},
    {"highway": "footway"},
)
ONE_WAY: tuple[Mapping[str, str], ...] = (
    {"highway": "residential", "oneway": "yes"},
    {"highway": "primary", "oneway": "-1"},
    {"highway": "secondary", "oneway": "yes", "oneway:foot": "yes"},
    {"highway": "tertiary", "oneway:foot": "-1"},
)
#: Steps are reached at their ends only; a bridge is passed and not attached to.
SPECIAL: tuple[Mapping[str, str], ...] = ({"highway": "steps"}, {"highway": "residential", "bridge": "yes"})


def spot_values() -> st.SearchStrategy[float]:
    """Metres along one axis: somewhere in or around the county."""
    return st.integers(-150, EXTENT_M + 150).map(float)


@st.composite
def rasters(draw: st.DrawFn, *, even: bool = False) -> np.ndarray:
    """People per cell: whole and broken numbers, nobody, and no value; somebody lives somewhere."""
    rows, columns = (
        (draw(st.integers(2, 3)) * 2 for _ in range(2)) if even else (draw(st.integers(2, 6)) for _ in range(2))
    )
    person = st.sampled_from((0.0, 0.0, math.nan, 1.0, 7.0, 30.0)) | st.floats(0.01, 500.0)
    values = np.array(draw(st.lists(person, min_size=rows * columns, max_size=rows * columns)))
    values[draw(st.integers(0, len(values) - 1))] = draw(st.sampled_from((3.0, 12.5, 120.1)))
    return values.reshape(rows, columns)


@st.composite
def networks(
    draw: st.DrawFn,
    kinds: Sequence[Mapping[str, str]] = (*TWO_WAY, *TWO_WAY, *ONE_WAY, *SPECIAL),
    *,
    most: int = 6,
    simple: bool = False,
) -> tuple[dict[int, tuple[float, float]], tuple[Road, ...]]:
    """Ways between nodes of a bent lattice.

    ``simple`` ways never come back to a node of theirs: the foot of a point on a loop may be its start and its end
    alike, and which of them it is hangs on the last bit.
    """
    seed = draw(st.integers(0, 99))
    bend = np.random.default_rng(seed).choice((0.0, 0.0, 7.0, -13.0, 31.0), (SIDE**2, 2)) * (seed > 0)
    nodes = {
        k + 1: (float(SPACING_M * (k % SIDE) + bend[k, 0]), float(SPACING_M * (k // SIDE) + bend[k, 1]))
        for k in range(SIDE**2)
    }
    roads = []
    for number in range(draw(st.integers(1, most))):
        path = draw(st.lists(st.sampled_from(sorted(nodes)), min_size=2, max_size=5, unique=simple))
        path = [node for k, node in enumerate(path) if k == 0 or node != path[k - 1]]
        tags = draw(st.sampled_from(tuple(kinds)))
        if "oneway" in "".join(tags):
            path = list(dict.fromkeys(path))
        if len(path) > 1:
            roads.append(Road(number + 1, tuple(path), tags))
    if not roads:
        roads.append(Road(1, (1, 2), TWO_WAY[0]))
    return nodes, tuple(roads)


def box(west: float, south: float, east: float, north: float) -> shapely.Polygon:
    """Return a box in metres."""
    return shapely.box(west, south, east, north)


@st.composite
def strips(draw: st.DrawFn, width_m: float, height_m: float, *, whole: bool = False) -> tuple[Unit, ...]:
    """Polygons side by side whose slanted borders cut cells; without ``whole`` some ground lies in none."""
    count = draw(st.integers(1, 4))
    reach = 60.0 if whole else draw(st.sampled_from((60.0, 0.0, -45.0)))
    cut = st.floats(0.02, 0.98)
    south = sorted(draw(st.lists(cut, min_size=count - 1, max_size=count - 1, unique=True)))
    north = sorted(draw(st.lists(cut, min_size=count - 1, max_size=count - 1, unique=True)))
    low = [-reach, *(x * (width_m + 2 * reach) - reach for x in south), width_m + reach]
    high = [-reach, *(x * (width_m + 2 * reach) - reach for x in north), width_m + reach]
    names = draw(st.permutations([f"u{k}" for k in range(count)]))
    shapes = [
        shapely.Polygon(
            [(low[k], -reach), (low[k + 1], -reach), (high[k + 1], height_m + reach), (high[k], height_m + reach)]
        )
        for k in range(count)
    ]
    return tuple(
        Unit(name, shape, draw(st.sampled_from(("T1", "T2")))) for name, shape in zip(names, shapes, strict=True)
    )


@st.composite
def clinics(draw: st.DrawFn, *, least: int = 1, most: int = 4) -> tuple[Clinic, ...]:
    """Facilities anywhere; those of another type must not count."""
    count = draw(st.integers(least, most))
    names = draw(st.permutations([f"f{k}" for k in (10, 9, 2, 1, 30, 7)]))[:count]
    places = [(draw(spot_values()), draw(spot_values())) for _ in range(count)]
    types = ["clinic", *(draw(st.sampled_from(("clinic", "clinic", "pharmacy"))) for _ in range(count - 1))]
    return tuple(Clinic(n, x, y, t) for n, (x, y), t in zip(names, places, types, strict=True))


@st.composite
def barrier_lines(draw: st.DrawFn) -> tuple[tuple[str, tuple[tuple[float, float], ...]], ...]:
    """Walls, railways and rivers across the county."""
    lines = []
    for _ in range(draw(st.integers(0, 2))):
        a, b = (draw(st.integers(0, EXTENT_M)) + 0.7 for _ in range(2))
        ends = ((-250.0, a), (EXTENT_M + 250.0, b)) if draw(st.booleans()) else ((a, -250.0), (b, EXTENT_M + 250.0))
        lines.append((draw(st.sampled_from(("wall", "river", "railway"))), ends))
    return tuple(lines)


@st.composite
def counties(
    draw: st.DrawFn,
    *,
    raster: bool | None = None,
    areal: bool | None = None,
    kinds: Sequence[Mapping[str, str]] | None = None,
    most_roads: int = 6,
    simple: bool = False,
    whole: bool = False,
    even: bool = False,
    barriers: bool = True,
) -> County:
    """Any small county; the keywords leave out what an invariant is not about."""
    raster = draw(st.booleans()) if raster is None else raster
    areal = draw(st.booleans()) if areal is None else areal
    nodes, roads = draw(
        networks(most=most_roads, simple=simple) if kinds is None else networks(kinds, most=most_roads, simple=simple)
    )
    if raster:
        people, cell_m = draw(rasters(even=even)), draw(st.sampled_from((100.0, 150.0)))
        width, height = people.shape[1] * cell_m, people.shape[0] * cell_m
    else:
        spots = draw(st.lists(st.tuples(spot_values(), spot_values()), min_size=1, max_size=8, unique=True))
        persons = [draw(st.sampled_from((0.0, 1.0, 40.0)) | st.floats(0.01, 500.0)) for _ in spots]
        persons[0] = draw(st.sampled_from((3.0, 12.5)))
        people, cell_m, width, height = (
            np.array([(x, y, p) for (x, y), p in zip(spots, persons, strict=True)]),
            100.0,
            600.0,
            600.0,
        )
    units: tuple[Unit, ...]
    if areal:
        units = draw(strips(width, height, whole=whole or not raster))
        if not raster:
            units = tuple(
                replace(unit, shape=shapely.affinity.scale(unit.shape, 1.6, 1.6, origin=(300, 300))) for unit in units
            )
    else:
        places = draw(st.lists(st.tuples(spot_values(), spot_values()), min_size=1, max_size=4, unique=True))
        units = tuple(
            Unit(f"u{k}", shapely.Point(*p), draw(st.sampled_from(("T1", "T2")))) for k, p in enumerate(places)
        )
    return County(
        people=people,
        units=units,
        nodes=nodes,
        roads=roads,
        facilities=draw(clinics()),
        # no limit is a whole number of cells: how many points a cell has would hang on the last bit of its side
        barriers=draw(barrier_lines()) if barriers else (),
        points=not raster,
        cell_m=cell_m,
        walk_min=draw(st.sampled_from((2.1, 5.1, 8.0))),
        drive_min=draw(st.sampled_from((1.0, 2.0, 3.5))),
        straight_km=draw(st.sampled_from((0.16, 0.31, 0.5))),
        road_km=draw(st.sampled_from((0.21, 0.46, 0.7))),
        limit_m=draw(st.sampled_from((120.0, 1000.0))),
    )
