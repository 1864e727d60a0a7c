"""Coordinates of a map service that nobody declared, suspected aloud; and a declaration that the places contradict.

Two witnesses know where the points of a file really are: the roads they stand beside, and the district their rows name.
Points are compared as they are read and as each other system would have them. A shift is suspected only when it is
better by far, for most points, and when no other step of the same length does nearly as well: in a dense net of roads
any step changes the distances a little, and a step that is as good as any says nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.geo.coordinates import (
    bd09_to_gcj02,
    gcj02_to_bd09,
    gcj02_to_wgs84,
    outside_service,
    wgs84_to_gcj02,
)
from servicecircle.geo.crs import WorkingCrs, is_wgs84
from servicecircle.inputs import columns as pick
from servicecircle.inputs.matching import form, plain_text, town_form
from servicecircle.inputs.places import locate, reference
from servicecircle.inputs.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import geopandas as gpd
    import pandas as pd
    from numpy.typing import NDArray

    from servicecircle.inputs.gather import Inputs
    from servicecircle.inputs.roads import Bounds, Ways
    from servicecircle.inputs.tables import Table
    from servicecircle.study import Source, Study

    Pair = tuple[NDArray[np.float64], NDArray[np.float64]]

#: The other place is better when its median distance to the nearest road is below this share of the one as read ...
BETTER_MEDIAN = 0.8
#: ... or when this much more of the rows lie in the district they name ...
BETTER_SHARE = 0.3
#: ... or when at least so many rows come to lie in their district, and they outnumber those that leave it by
#: these standard deviations.
FEWEST_GAINED, GAIN_DEVIATIONS = 20, 4.0
#: Fewer different places than this say nothing.
FEWEST_PLACES = 20
#: More are thinned to this many, evenly over the file.
MOST_PLACES = 4000
#: A point farther than this from every road, as read, says nothing of a step of some hundred metres.
FAR_FROM_ROADS_M = 2000.0
#: Standard deviations by which the points that come nearer must outnumber those that go farther (a sign test) ...
SIGN_DEVIATIONS = 3.0
#: ... counted once per square of this side: neighbours move together and are no independent witnesses.
SQUARE_M = 1000.0
#: Roads can tell a step only where the points then lie nearer to them than this share of the step.
TELLING_SHARE = 0.5
#: Steps of the same length in other directions, and what share of the best of them the suspected one may reach at most.
DIRECTIONS = 24
LIKE_ANY_OTHER = 0.8
#: Directions this near to the suspected one, in degrees, are no other ones.
SAME_DIRECTION_DEG = 40.0
#: Ways nobody stands beside.
NO_WITNESS = ("ferry",)
#: An identifier of fewer digits is a running number.
LEAST_CODE = 6
#: Column names (folded) that hold a district; one of them is preferred to other columns with known names.
DISTRICT_COLUMNS = frozenset(
    "所在乡镇 乡镇 所属乡镇 乡镇街道 乡镇(街道) 所在乡镇街道 镇街 街道 苏木镇 所在村 所属村 行政村 村 村(社区) 社区 "
    "区县 县区 所在区县 所属区县 县 区 市辖区 行政区 行政区划 区划 区划代码 所属区划 "
    "adname district county countyname town township village adcode countycode unit unit_id".split()
)

#: The systems a file may be in, and how WGS 84 degrees become theirs and back.
FROM_WGS84: Mapping[str, Callable[[Any, Any], Pair]] = {
    "WGS84": lambda lon, lat: (np.asarray(lon, dtype=float), np.asarray(lat, dtype=float)),
    "GCJ-02": wgs84_to_gcj02,
    "BD-09": lambda lon, lat: gcj02_to_bd09(*wgs84_to_gcj02(lon, lat)),
}
TO_WGS84: Mapping[str, Callable[[Any, Any], Pair]] = {
    "WGS84": FROM_WGS84["WGS84"],
    "GCJ-02": gcj02_to_wgs84,
    "BD-09": lambda lon, lat: gcj02_to_wgs84(*bd09_to_gcj02(lon, lat)),
}


@dataclass(frozen=True)
class PointFile:
    """The points of one file as the run reads them.

    Attributes
    ----------
    place : str
        File and sheet as messages name them.
    taken : str
        ``WGS84``, ``GCJ-02`` or ``BD-09``: what its coordinates were read as.
    declared : bool
        Whether the study says so.
    lon, lat : float64 array (rows,)
        WGS 84 degrees of the rows that are placed.
    cells : DataFrame
        The cells of those rows.
    """

    place: str
    taken: str
    declared: bool
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    cells: pd.DataFrame


class Roads:
    """The nearest road of a point, in metres of a working CRS.

    Parameters
    ----------
    ways : Ways
        Roads as read, EPSG:4326; ferries are no witnesses.
    box : tuple of float
        West, south, east, north of the study, degrees.
    """

    def __init__(self, ways: Ways, box: Bounds) -> None:
        self.working = WorkingCrs(box)
        lines = list(_lines(ways, self.working))
        self.tree = shapely.STRtree(lines) if lines else None

    def away_m(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the distance of each point to the nearest road, metres; inf where there is no road at all."""
        if self.tree is None or not len(lon):
            return np.full(len(lon), np.inf)
        points = shapely.points(self.working.project(lon, lat))
        (_, _), away = self.tree.query_nearest(points, return_distance=True, all_matches=False)
        return np.asarray(away, dtype=float)


def _lines(ways: Ways, working: WorkingCrs) -> Iterator[shapely.Geometry]:
    known = np.isfinite(ways.lon) & np.isfinite(ways.lat)
    xy = np.full((len(ways.lon), 2), np.nan)
    xy[known] = working.project(ways.lon[known], ways.lat[known])
    for k, tags in enumerate(ways.tags):
        if tags.get("route") in NO_WITNESS:
            continue
        mine = xy[ways.start[k] : ways.start[k + 1]]
        mine = mine[np.isfinite(mine[:, 0])]
        if len(mine) > 1:
            yield shapely.LineString(mine)


@dataclass(frozen=True)
class Districts:
    """The polygons in which rows should lie, and the column that names them.

    Attributes
    ----------
    column : str
        Name of the column.
    named : int64 array (rows,)
        Number of the district each row names, -1 where it names none of these.
    of_polygon : int64 array (polygons,)
        Number of the district each polygon belongs to.
    tree : shapely.STRtree
        Of the polygons.
    """

    column: str
    named: NDArray[np.int64]
    of_polygon: NDArray[np.int64]
    tree: shapely.STRtree

    def agrees(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which rows lie in the district they name; an edge belongs to both sides."""
        point, polygon = self.tree.query(shapely.points(lon, lat), predicate="intersects")
        right = np.zeros(len(lon), dtype=bool)
        right[point[self.of_polygon[polygon] == self.named[point]]] = True
        return right


def suspect_shift(study: Study, inputs: Inputs) -> Iterable[Problem]:
    """Yield a problem for each point file whose places fit better in another coordinate system than the one read.

    Only points in the rectangle of the map services are looked at: elsewhere nothing is shifted.
    """
    files = list(point_files(study, inputs))
    if not files:
        return
    roads = Roads(inputs.roads.ways, inputs.box)
    polygons = None if inputs.units is None else inputs.units.frame
    for file in files:
        yield from judge_file(file, roads, polygons)


def point_files(study: Study, inputs: Inputs) -> Iterator[PointFile]:
    """Yield every file of points in a geographic or a map service's system: facilities, gates, people, units."""
    specs: list[tuple[Source, tuple[str | None, str | None], Mapping[str, str]]] = []
    for spec in study.facilities:
        specs.append((spec, (spec.columns.lon, spec.columns.lat), spec.where))
        if spec.gates is not None:
            specs.append((spec.gates, _lonlat(spec.gates), {}))
    if study.population.points is not None:
        specs.append((study.population.points, _lonlat(study.population.points), {}))
    if study.area.points is not None:
        specs.append((study.area.points, _lonlat(study.area.points), {}))
    for source, columns, where in specs:
        one = _point_file(study, source, columns, where, inputs.box)
        if one is not None:
            yield one


def _lonlat(source: Source) -> tuple[str | None, str | None]:
    return getattr(source, "lon", None), getattr(source, "lat", None)


def _point_file(
    study: Study, source: Source, columns: tuple[str | None, str | None], where: Mapping[str, str], box: Bounds
) -> PointFile | None:
    """Return the points of a file, None where it is in another system, or no longer what the run read."""
    try:
        table = read_table(study.locate(source.path), source.layer, file=source.path)
        table = _chosen(table, where)
        ref = reference(table, source)
        if not ref.service and not is_wgs84(ref.crs):
            return None
        places = locate(table, source, [""] * len(table.cells), columns=columns, box=box)
    except StudyError:  # the run says what is wrong with it
        return None
    kept = places.kept
    taken = ref.service or "WGS84"
    return PointFile(table.place, taken, source.crs is not None, places.lon[kept], places.lat[kept], table.cells[kept])


def _chosen(table: Table, where: Mapping[str, str]) -> Table:
    if not where:
        return table
    rows = pick.choose(table, where).chosen
    geometry = None if table.geometry is None else table.geometry[rows]
    return replace(table, cells=table.cells[rows], geometry=geometry)


def judge_file(file: PointFile, roads: Roads, polygons: gpd.GeoDataFrame | None) -> Iterator[Problem]:
    """Yield a problem when the points of a file fit far better in another system than in the one they were read in."""
    lon, lat, cells = _different(file)
    if len(lon) < FEWEST_PLACES:
        return
    raw = FROM_WGS84[file.taken](lon, lat)
    others = {name: TO_WGS84[name](*raw) for name in TO_WGS84 if name != file.taken}
    witnesses = _witnesses(lon, lat, cells, roads, polygons)
    verdicts = [(name, [w.hears(*place) for w in witnesses]) for name, place in others.items()]
    convinced = [
        (max(one.strength for one in heard if one.convinced), name, heard)
        for name, heard in verdicts
        if any(one.convinced for one in heard)
    ]
    if not convinced:
        return
    _, name, heard = max(convinced, key=lambda one: one[0])
    told = [one.told for one in heard]
    key = f"shift.{'declared' if file.declared else 'undeclared'}"
    yield problem(
        key,
        file=file.place,
        count=len(lon),
        taken=file.taken,
        service=name,
        first=told[0],
        second=told[1] if len(told) > 1 else problem("shift.one_witness"),
        remedy=problem("shift.remedy", crs=name),
    )


def _different(file: PointFile) -> tuple[NDArray[np.float64], NDArray[np.float64], pd.DataFrame]:
    """Return the different places of a file inside the services' rectangle, thinned evenly where they are many."""
    inside = np.flatnonzero(~outside_service(file.lon, file.lat))
    places = np.column_stack((file.lon[inside], file.lat[inside])).round(5)
    rows = inside[np.sort(np.unique(places, axis=0, return_index=True)[1])]
    if len(rows) > MOST_PLACES:
        rows = rows[np.linspace(0, len(rows) - 1, MOST_PLACES).astype(int)]
    return file.lon[rows], file.lat[rows], file.cells.iloc[rows]


@dataclass(frozen=True)
class _Heard:
    """What a witness says of one other place of the points."""

    convinced: bool
    strength: float
    told: Problem


@dataclass(frozen=True)
class _RoadWitness:
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    roads: Roads
    away: NDArray[np.float64]

    def hears(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> _Heard:
        """Compare the distance to the nearest road as read with the distance at another place."""
        near = self.away <= FAR_FROM_ROADS_M
        mine = (self.lon[near], self.lat[near])
        given, after = self.away[near], self.roads.away_m(lon[near], lat[near])
        medians = float(np.median(given)), float(np.median(after))
        told = problem("shift.roads", given=f"{medians[0]:.0f}", after=f"{medians[1]:.0f}", count=int(near.sum()))
        here, there = self.roads.working.project(*mine), self.roads.working.project(lon[near], lat[near])
        step = float(np.median(np.hypot(*(there - here).T)))
        better = medians[1] < BETTER_MEDIAN * medians[0] and medians[1] < TELLING_SHARE * step
        if not better or _deviations(given, after, here) < SIGN_DEVIATIONS:
            return _Heard(False, 0.0, told)  # noqa: FBT003 - the field's name stands above
        others = _other_steps(mine, (lon[near], lat[near]), self.roads.working)
        best = min(float(np.median(self.roads.away_m(*other))) for other in others)
        return _Heard(medians[1] < LIKE_ANY_OTHER * best, medians[0] / max(medians[1], 1e-9), told)


@dataclass(frozen=True)
class _DistrictWitness:
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    districts: Districts
    working: WorkingCrs

    def hears(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> _Heard:
        """Compare the rows that lie in the district they name as read with those at another place."""
        known = self.districts.named >= 0
        asked = replace(self.districts, named=self.districts.named[known])
        mine, other = (self.lon[known], self.lat[known]), (lon[known], lat[known])
        before, after = asked.agrees(*mine), asked.agrees(*other)
        shares = float(before.mean()), float(after.mean())
        told = problem(
            "shift.districts",
            column=asked.column,
            given=f"{shares[0]:.1%}",
            after=f"{shares[1]:.1%}",
            count=int(known.sum()),
        )
        gained, lost = int((after & ~before).sum()), int((before & ~after).sum())
        better = shares[1] - shares[0] > BETTER_SHARE
        better |= gained >= FEWEST_GAINED and gained - lost >= GAIN_DEVIATIONS * math.sqrt(gained + lost)
        if not better:
            return _Heard(False, 0.0, told)  # noqa: FBT003
        wrong = 1.0 - shares[1]
        others = _other_steps(mine, other, self.working)
        best = min(1.0 - float(asked.agrees(*one).mean()) for one in others)
        return _Heard(wrong < LIKE_ANY_OTHER * best, (1.0 - shares[0]) / max(wrong, 1e-3), told)


def _witnesses(
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    cells: pd.DataFrame,
    roads: Roads,
    polygons: gpd.GeoDataFrame | None,
) -> list[_RoadWitness | _DistrictWitness]:
    found: list[_RoadWitness | _DistrictWitness] = []
    away = roads.away_m(lon, lat)
    if int((away <= FAR_FROM_ROADS_M).sum()) >= FEWEST_PLACES:
        found.append(_RoadWitness(lon, lat, roads, away))
    districts = None if polygons is None else find_districts(cells, polygons)
    if districts is not None:
        found.append(_DistrictWitness(lon, lat, districts, roads.working))
    return found


def _deviations(given: NDArray[np.float64], after: NDArray[np.float64], xy: NDArray[np.float64]) -> float:
    """Return by how many standard deviations the squares whose points come nearer outnumber the others."""
    square = np.floor(xy / SQUARE_M).astype(np.int64)
    _, of = np.unique(square, axis=0, return_inverse=True)
    votes = np.sign(np.bincount(of.ravel(), weights=np.sign(given - after)))
    nearer, farther = int((votes > 0).sum()), int((votes < 0).sum())
    return (nearer - farther) / math.sqrt(nearer + farther) if nearer + farther else 0.0


def _other_steps(mine: Pair, other: Pair, working: WorkingCrs) -> Iterator[Pair]:
    """Yield the points moved as far as the suspected step moves them, in every direction but its own."""
    here = working.project(*mine)
    step = working.project(*other) - here
    for turn in np.linspace(0.0, 2 * math.pi, DIRECTIONS, endpoint=False):
        if min(turn, 2 * math.pi - turn) < math.radians(SAME_DIRECTION_DEG):
            continue
        cos, sin = math.cos(turn), math.sin(turn)
        yield working.unproject(here + step @ np.array([[cos, sin], [-sin, cos]]))


def find_districts(cells: pd.DataFrame, polygons: gpd.GeoDataFrame) -> Districts | None:
    """Return the column that names the units or towns rows lie in; None where no column does for most rows.

    Parameters
    ----------
    cells : DataFrame of str
        Rows of a file.
    polygons : GeoDataFrame
        ``UNITS`` of :mod:`servicecircle.inputs.tables`; those that are points are no witnesses.
    """
    areas = polygons[polygons["basis"] == "surveyed"]
    if not len(areas):
        return None
    tree = shapely.STRtree(areas.geometry.to_numpy())
    best: tuple[tuple[bool, int, int], Districts] | None = None
    for level in ("id", "name", "parent"):
        numbers, of_polygon = _numbers_of([str(text) for text in areas[level]])
        for position, column in enumerate(map(str, cells.columns)):
            named = _named(cells.iloc[:, position].to_numpy(dtype=object), numbers)
            known = int((named >= 0).sum())
            if known < FEWEST_PLACES or 2 * known < len(named) or len(np.unique(named[named >= 0])) < 2:
                continue
            rank = (pick.fold(column) in DISTRICT_COLUMNS, len(np.unique(named)), known)
            if best is None or rank > best[0]:
                best = rank, Districts(column, named, of_polygon, tree)
    return None if best is None else best[1]


def _numbers_of(names: Sequence[str]) -> tuple[dict[str, int], NDArray[np.int64]]:
    """Number the different names; return the number of each spelling that means one of them, and of each polygon."""
    texts = [plain_text(name) for name in names]
    known = {text: k for k, text in enumerate(dict.fromkeys(texts)) if text and not _mere_number(text)}
    spellings = dict(known)
    shorter: dict[str, set[int]] = {}
    for text, k in known.items():
        for stem in {*form(text).stems, *town_form(text).stems}:
            shorter.setdefault(stem, set()).add(k)
    spellings |= {stem: min(ks) for stem, ks in shorter.items() if len(ks) == 1 and len(stem) > 1 and stem not in known}
    return spellings, np.array([known.get(text, -2) for text in texts], dtype=np.int64)


def _mere_number(text: str) -> bool:
    """Return whether a name is a running number, which every other column may hold too."""
    return text.isdigit() and len(text) < LEAST_CODE


def _named(cells: NDArray[np.object_], numbers: Mapping[str, int]) -> NDArray[np.int64]:
    """Return the number of the district each cell names, -1 where it names none."""
    found: dict[str, int] = {}
    for cell in dict.fromkeys(map(str, cells)):
        text = plain_text(cell)
        stems = (*form(text).stems, *town_form(text).stems)
        found[cell] = next((numbers[one] for one in (text, *stems) if one in numbers), -1)
    return np.array([found[str(cell)] for cell in cells], dtype=np.int64)
