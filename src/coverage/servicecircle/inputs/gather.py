"""Read everything a study names; every problem of every file in one go."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.geo.crs import to_wgs84
from servicecircle.inputs.assets import AssetReading, read_assets
from servicecircle.inputs.barriers import GivenBarriers, read_given_barriers
from servicecircle.inputs.correcting import read_corrections
from servicecircle.inputs.corrections import NO_CORRECTIONS, Corrections
from servicecircle.inputs.counts import (
    CountedRows,
    UnitCounts,
    people_at_places,
    people_at_units,
    read_counts,
    unit_counts,
)
from servicecircle.inputs.facilities import FacilityReading, survey_facilities
from servicecircle.inputs.population import PointPeople, RasterPeople, read_compared, read_population
from servicecircle.inputs.road_sources import read_places, read_roads, require_roads
from servicecircle.inputs.roads import BarrierShapes, RoadData
from servicecircle.inputs.setaside import first_reasons
from servicecircle.inputs.strict import strict_problems
from servicecircle.inputs.units import UnitReading, read_units

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from servicecircle.inputs.roads import Bounds
    from servicecircle.inputs.rows import RowCount
    from servicecircle.inputs.setaside import SetAside
    from servicecircle.study import Study

T = TypeVar("T")


class Reading(Protocol):
    """What a reader returns: beside the data, what must be known and which rows are not used."""

    @property
    def notices(self) -> tuple[Problem, ...]:
        """What the reader must know of the file."""

    @property
    def set_aside(self) -> tuple[SetAside, ...]:
        """Rows of the file that are not used."""

    @property
    def rows(self) -> tuple[RowCount, ...]:
        """What became of the rows of its files; empty for what has none."""


KM_PER_DEGREE = 111.32
#: Widest study: at half of it the scale of the working CRS is off by 0.6 %, within its slack.
MOST_KM = 1400


@dataclass(frozen=True)
class Gathered:
    """What could be read of a study, and what could not.

    Attributes
    ----------
    inputs : Inputs or None
        None where a part is missing altogether.
    problems : tuple of Problem
        What refuses the study.
    notices : tuple of Problem
        What the reader must know of the files that could be read.
    set_aside : tuple of SetAside
        Rows of these files that are not used.
    rows : tuple of RowCount
        What became of the rows of each of them.
    """

    inputs: Inputs | None
    problems: tuple[Problem, ...]
    notices: tuple[Problem, ...]
    set_aside: tuple[SetAside, ...]
    rows: tuple[RowCount, ...]


@dataclass(frozen=True)
class Inputs:
    """Checked inputs of a study.

    Attributes
    ----------
    extent : tuple of float
        West, south, east, north of the units (or of the people where units are points), degrees.
    box : tuple of float
        The extent and the study's margin: roads and facilities are kept inside it.
    counts : UnitCounts or None
        How many people units have by a table or census beside a raster or points, which are scaled to it.
    compared : RasterPeople or None
        The same people by another maker.
    corrections : Corrections
        What was changed at reading.
    """

    population: RasterPeople | PointPeople
    units: UnitReading | None
    facilities: FacilityReading
    assets: AssetReading
    roads: RoadData
    extent: Bounds
    box: Bounds
    counts: UnitCounts | None = None
    compared: RasterPeople | None = None
    corrections: Corrections = NO_CORRECTIONS

    @property
    def set_aside(self) -> tuple[SetAside, ...]:
        """Rows not used, of all files; those that corrections take out come first."""
        return _set_aside(self._readings)

    @property
    def rows(self) -> tuple[RowCount, ...]:
        """What became of the rows of every file that is read row by row, facility files first."""
        return _rows(self.corrections, self._readings)

    @property
    def notices(self) -> tuple[Problem, ...]:
        """What the reader must know of the files."""
        return _notices(self._readings)

    @property
    def _readings(self) -> tuple[Reading | None, ...]:
        people = (self.corrections, self.population, self.compared, self.counts)
        return (*people, self.units, self.facilities, self.assets, self.roads)


def _set_aside(readings: Iterable[Reading | None]) -> tuple[SetAside, ...]:
    return tuple(row for reading in readings if reading is not None for row in reading.set_aside)


def _notices(readings: Iterable[Reading | None]) -> tuple[Problem, ...]:
    given = [reading for reading in readings if reading is not None]
    told = (one for reading in given for one in reading.notices)
    return (*told, *set_aside_notices(_set_aside(given)))


def _rows(corrections: Corrections, readings: Iterable[Reading | None]) -> tuple[RowCount, ...]:
    read = [one for one in readings if one is not None and not isinstance(one, Corrections)]
    # facility files first: their counts are known by their number
    ordered = sorted(read, key=lambda one: not isinstance(one, FacilityReading))
    counts = (count for one in ordered for count in one.rows)
    return (*corrections.counted(counts), *corrections.rows)


def set_aside_notices(rows: tuple[SetAside, ...]) -> tuple[Problem, ...]:
    """Return one notice per file: how many rows were not used, and the first row of each reason (two at most)."""
    files: dict[str, list[SetAside]] = {}
    for row in rows:
        files.setdefault(row.file, []).append(row)
    return tuple(
        problem("inputs.set_aside", file=file, count=len(mine), reasons=first_reasons(mine))
        for file, mine in files.items()
    )


class _Collector:
    """Runs readers one after another and keeps the problems of those that fail."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def call(self, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except StudyError as error:
            # a file that is read twice is told once
            self.problems += [one for one in error.problems if one not in self.problems]
        except OSError as error:
            detail = error.strerror or str(error)
            self.problems.append(problem("inputs.unreadable_file", file=str(error.filename or "-"), detail=detail))
        return None


def gather(study: Study) -> Inputs:
    """Read all inputs of a study.

    Raises
    ------
    StudyError
        Any file is missing, broken or does not fit the others, or something was found that the study's ``strict``
        does not let pass; all problems at once.
    """
    gathered = survey(study)
    if gathered.problems:
        raise StudyError(gathered.problems)
    if gathered.inputs is None:
        raise TypeError  # pragma: no cover - a reader that returns nothing has told its problems
    return gathered.inputs


def survey(study: Study) -> Gathered:
    """Read what can be read of all inputs of a study; a file that is refused does not hide what the others hold."""
    collector = _Collector()
    corrections = collector.call(lambda: read_corrections(study, collector.problems)) or NO_CORRECTIONS
    rows = collector.call(lambda: read_counts(study, corrections=corrections))
    compared = collector.call(lambda: read_compared(study))
    population, units = _people_and_units(study, rows, collector, corrections)
    people = None if population is None else people_bounds(population)
    if population is not None and people is None:
        collector.problems.append(problem("flow.nobody", file=population.path.name))
    extent = _extent(study, units, people)
    if extent is not None and _too_wide(extent):
        collector.problems.append(problem("flow.too_wide", most=MOST_KM, box=_text(extent)))
    box = None if extent is None else widened(extent, study.area.margin_km)
    if people is not None and extent is not None and not _overlap(people, extent):
        collector.problems.append(_no_overlap(study, people, extent))
    facilities = collector.call(lambda: survey_facilities(study, box=box, corrections=corrections))
    collector.problems += () if facilities is None else facilities.problems
    assets = collector.call(lambda: _assets(study, facilities, units, corrections))
    roads = collector.call(
        lambda: read_roads(study, box, corrections=corrections) if box is not None else require_roads(study)
    )
    given = collector.call(lambda: read_given_barriers(study, box, corrections=corrections))
    counts = _counts(study, rows, units, roads, collector)
    known = roads if isinstance(roads, RoadData) else None
    known = _with_given(known, given) if known is not None and given is not None else known
    readings = (corrections, population, compared, counts, units, facilities, assets, known)
    told, left = _notices(readings), _set_aside(readings)
    lines = "" if study.roads.lines is None else study.roads.lines.path
    problems = (*collector.problems, *strict_problems(study.study.strict, left, told, lines))
    inputs = None
    # a village table whose units are missing has no people yet: there is nothing to look at
    if population and facilities and assets and given and extent and box and known and (units or not _has_units(study)):
        inputs = Inputs(population, units, facilities, assets, known, extent, box, counts, compared, corrections)
    return Gathered(inputs, problems, told, left, _rows(corrections, readings))


def _has_units(study: Study) -> bool:
    return study.area.units is not None or study.area.points is not None


def _people_and_units(
    study: Study, rows: CountedRows | None, collector: _Collector, corrections: Corrections
) -> tuple[RasterPeople | PointPeople | None, UnitReading | None]:
    """Read people and units; a raster or points say where to look for units, a table stands where its units are."""
    if not stands_alone(study):
        population = collector.call(lambda: read_population(study, corrections=corrections))
        people = None if population is None else people_bounds(population)
        hint = None if people is None else widened(people, study.area.margin_km)
        return population, collector.call(lambda: read_units(study, box=hint, corrections=corrections))
    if study.area.units is None and study.area.points is None:
        places = collector.call(lambda: read_places(study))
        if rows is None or places is None:
            return None, None
        return collector.call(lambda: people_at_places(rows, places, study)), None
    units = collector.call(lambda: read_units(study, corrections=corrections))
    if rows is None or units is None:
        return None, units
    return collector.call(lambda: people_at_units(rows, units.frame, study)), units


def stands_alone(study: Study) -> bool:
    """Return whether a village table alone says where people live."""
    return study.population.table is not None and study.population.raster is None


def _counts(
    study: Study,
    rows: CountedRows | None,
    units: UnitReading | None,
    roads: RoadData | Path | None,
    collector: _Collector,
) -> UnitCounts | None:
    """Return how many people the units have by a table or census that the raster or points are scaled to."""
    if rows is None or stands_alone(study):
        return None
    if units is not None:
        return collector.call(lambda: unit_counts(rows, study, units.frame))
    if study.area.units is not None or study.area.points is not None or not isinstance(roads, RoadData):
        return None
    return collector.call(lambda: unit_counts(rows, study, roads.places))


def _assets(
    study: Study, facilities: FacilityReading | None, units: UnitReading | None, corrections: Corrections
) -> AssetReading:
    places, own = (None, ()) if facilities is None else (facilities.frame, facilities.assets)
    return read_assets(study, places, own, None if units is None else units.frame, corrections=corrections)


def _with_given(roads: RoadData, given: GivenBarriers) -> RoadData:
    shapes = np.concatenate((roads.barriers.geometry, given.shapes.geometry))
    kinds = np.concatenate((roads.barriers.kind, given.shapes.kind))
    lost, rows = (*roads.set_aside, *given.set_aside), (*roads.rows, *given.rows)
    notices = (*roads.notices, *given.notices)
    return replace(roads, barriers=BarrierShapes(shapes, kinds), set_aside=lost, rows=rows, notices=notices)


def people_bounds(population: RasterPeople | PointPeople) -> Bounds | None:
    """Return west, south, east, north of the places with people, degrees; None when there are none."""
    if isinstance(population, PointPeople):
        frame = population.frame[population.frame["persons"] > 0]
        if len(frame) == 0:
            return None
        return (
            float(frame["lon"].min()),
            float(frame["lat"].min()),
            float(frame["lon"].max()),
            float(frame["lat"].max()),
        )
    grid = population.surface.grid
    rows, columns = np.nonzero(np.nan_to_num(population.surface.values) > 0)
    if len(rows) == 0:
        return None
    # the outer edges of the outermost cells: a coarse cell reaches far beyond its centre
    corner_rows = np.array([rows.min(), rows.min(), rows.max(), rows.max()])
    corner_columns = np.array([columns.min(), columns.max(), columns.min(), columns.max()])
    right, down = np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0, 1.0])
    lon, lat = to_wgs84(grid.crs, *grid.centres(corner_rows * grid.shape[1] + corner_columns, right, down))
    return float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())


def _extent(study: Study, units: UnitReading | None, people: Bounds | None) -> Bounds | None:
    """Polygons say where the area is; else the people do."""
    if study.area.units is not None:
        if units is None or len(units.frame) == 0:
            return None
        west, south, east, north = units.frame.total_bounds
        return float(west), float(south), float(east), float(north)
    return people


def widened(bounds: Bounds, km: float) -> Bounds:
    """Return bounds with a margin on every side."""
    west, south, east, north = bounds
    dy = km / KM_PER_DEGREE
    dx = dy / max(math.cos(math.radians(max(abs(south), abs(north)))), 0.05)
    return west - dx, max(south - dy, -90.0), east + dx, min(north + dy, 90.0)


def _too_wide(bounds: Bounds) -> bool:
    """Return whether an extent is larger than the working CRS serves: one misplaced point would move everybody's."""
    west, south, east, north = bounds
    width = (east - west) * KM_PER_DEGREE * math.cos(math.radians((south + north) / 2))
    return max(width, (north - south) * KM_PER_DEGREE) > MOST_KM


def _overlap(one: Bounds, other: Bounds) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def _no_overlap(study: Study, people: Bounds, extent: Bounds) -> Problem:
    given = study.population.raster or study.population.points or study.population.table
    units = study.area.units
    return problem(
        "flow.no_overlap",
        population="" if given is None else given.path,
        units="" if units is None else units.path,
        people_box=_text(people),
        units_box=_text(extent),
    )


def _text(bounds: Bounds) -> str:
    return " ".join(f"{v:.4f}" for v in bounds)
