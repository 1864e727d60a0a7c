"""Where people live: a raster of persons per cell, or points with persons; every count as the file holds it."""

from __future__ import annotations

import hashlib
import math
import re
import warnings
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyproj
import pyproj.exceptions
import rasterio
import rasterio.errors

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.geo import crs as gates
from servicecircle.geo.grid import Grid, Surface
from servicecircle.inputs import columns as pick
from servicecircle.inputs.corrections import NO_CORRECTIONS, Corrections
from servicecircle.inputs.gdal import RASTER_DRIVER, raster_settings
from servicecircle.inputs.groups import grid_problems, group_notices, marked, parted, read_group_columns
from servicecircle.inputs.numbers import Numbers, read_column
from servicecircle.inputs.places import locate, place_problems
from servicecircle.inputs.problems import collect, duplicate_ids, some
from servicecircle.inputs.rows import RowCount, account
from servicecircle.inputs.setaside import SetAside
from servicecircle.inputs.systems import SERVICES
from servicecircle.inputs.tables import PEOPLE, Table, check_frame, read_table, require_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray
    from rasterio.io import DatasetReader

    from servicecircle.study import PersonPoints, Raster, Study

#: Values that stand for "no data" by convention though the file does not declare them.
CONVENTIONS = (-9999.0, -99999.0)
#: More people than anywhere: a cell or row that holds more holds something else.
MOST_PERSONS = 1e9
#: Beyond this a float is a "no data" value of single precision, whatever its last digits.
HUGE = 3e38
#: A shorter side of a cell, degrees or metres, is none: the position is broken.
LEAST_SIDE = 1e-9
DENSITY = re.compile(r"densit|per\s*(sq|km|ha|m2)|/\s*(sq|km|ha|m2)|km-2|密度", re.IGNORECASE)


@dataclass(frozen=True)
class RasterPeople:
    """People on a grid.

    Attributes
    ----------
    surface : Surface
        Persons per cell, float64, NaN where the file holds no valid value; the file's own grid and CRS.
    path : Path
        The file.
    valid_cells : int
        Cells that hold a value, 0 included.
    persons : float
        Sum of the valid cells, correctly rounded, whatever their order.
    notices : tuple of Problem
        Undeclared no-data values that were recognised, scale and offset that were applied.
    set_aside : tuple of SetAside
        Always empty: a raster has no rows.
    groups : mapping of str to float64 array (rows, columns)
        People of each group per cell, on the same grid; NaN where its file holds no valid value.
    rows : tuple of RowCount
        Always empty.
    """

    surface: Surface
    path: Path
    valid_cells: int
    persons: float
    notices: tuple[Problem, ...]
    set_aside: tuple[SetAside, ...] = ()
    groups: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    rows: tuple[RowCount, ...] = ()


@dataclass(frozen=True)
class PointPeople:
    """People at points.

    Attributes
    ----------
    frame : DataFrame
        One row per point, sorted by id (columns: ``PEOPLE`` of :mod:`servicecircle.inputs.tables`).
    path : Path
        The file.
    persons : float
        Sum over the rows used.
    notices : tuple of Problem
    set_aside : tuple of SetAside
        Rows without a place or without a number of people.
    groups : mapping of str to float64 array (rows,)
        People of each group, rows as in the frame; NaN where a cell holds no number.
    rows : tuple of RowCount
        What became of the rows of the file.
    """

    frame: pd.DataFrame
    path: Path
    persons: float
    notices: tuple[Problem, ...]
    set_aside: tuple[SetAside, ...]
    groups: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    rows: tuple[RowCount, ...] = ()


def read_population(study: Study, *, corrections: Corrections = NO_CORRECTIONS) -> RasterPeople | PointPeople:
    """Read the population of a study, as a raster or as points, whichever the study names.

    Raises
    ------
    StudyError
        The file is missing or broken, has no or a contradictory CRS, several bands, negative cells or rows, duplicate
        identifiers, swapped coordinates, or nobody in it; the raster of a group has another grid, or a group's column
        is missing.
    """
    given = study.population
    if given.raster is not None:
        return _raster_people(study, given.raster)
    if given.points is not None:
        path = study.locate(given.points.path)
        table = corrections.apply(read_table(path, given.points.layer, file=given.points.path))
        return _read_points(path, given.points, table, given.group_columns)
    raise StudyError(problem("study.rule.one_population"))  # the schema refuses this before


def _raster_people(study: Study, source: Raster) -> RasterPeople:
    """Read everybody's raster and those of the groups; every problem of every file at once."""
    problems: list[Problem] = []
    read: list[RasterPeople] = []
    with collect(problems):
        read.append(_read_raster(study.locate(source.path), source))
    everybody = read[0] if read else None
    notices = [] if everybody is None else list(everybody.notices)
    groups: dict[str, NDArray[np.float64]] = {}
    for name, one in study.population.group_rasters.items():
        with collect(problems):
            group = _read_raster(study.locate(one.path), one)
            if everybody is None:
                continue
            other = grid_problems(one.path, group.surface.grid, source.path, everybody.surface.grid)
            if other:
                raise StudyError(other)
            groups[name] = group.surface.values  # noqa: PD011 - a Surface, not a frame
            notices += [*group.notices, *group_notices(one.path, name, everybody.surface.values, groups[name])]
    if problems or everybody is None:
        raise StudyError(problems)
    return replace(everybody, notices=tuple(notices), groups=groups)


def read_compared(study: Study) -> RasterPeople | None:
    """Read the second population raster of a study, the same people by another maker; None where there is none.

    Raises
    ------
    StudyError
        As :func:`read_population`.
    """
    given = study.population.compare
    return None if given is None else _read_raster(study.locate(given.path), given)


def _read_raster(path: Path, source: Raster) -> RasterPeople:
    require_file(path, source.path)
    problems: list[Problem] = []
    with raster_settings(), warnings.catch_warnings():
        # A raster without position is refused with a sentence below.
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        try:
            with rasterio.open(path, driver=RASTER_DRIVER) as dataset:
                problems += _structure(dataset, source)
                if problems:
                    raise StudyError(problems)
                raw, masked = dataset.read(1), dataset.read_masks(1) == 0
                grid = Grid(_raster_crs(dataset, source), dataset.transform, dataset.shape)
                scale, offset = float(dataset.scales[0]), float(dataset.offsets[0])
                words = [*dataset.descriptions, *dataset.units, *dataset.tags(1).values(), *_titles(dataset)]
        except rasterio.errors.RasterioError as error:
            raise StudyError(problem("population.not_raster", file=source.path, detail=str(error))) from error
    values, notices = _valid(raw, masked, source.path)
    notices += called_density(source.path, path.stem)
    if (scale, offset) != (1.0, 0.0):
        values = values * scale + offset
        notices.append(problem("population.scaled", file=source.path, scale=scale, offset=offset))
    if any(DENSITY.search(str(word)) for word in words if word):
        problems.append(problem("population.density", file=source.path, words=some(w for w in words if w)))
    valid = ~np.isnan(values)
    negative = int((values < 0).sum())
    if negative:
        problems.append(
            problem("population.negative_cells", file=source.path, count=negative, lowest=float(np.nanmin(values)))
        )
    huge = values > MOST_PERSONS
    if huge.any():
        told = {"count": int(huge.sum()), "value": f"{np.nanmax(values):g}", "limit": f"{MOST_PERSONS:,.0f}"}
        raise StudyError([*problems, problem("people.too_many_cells", file=source.path, **told)])
    persons = math.fsum(values[values > 0].tolist())
    if not negative and persons == 0:
        problems.append(problem("population.nobody", file=source.path, count=int(valid.sum())))
    if problems:
        raise StudyError(problems)
    values.flags.writeable = False
    return RasterPeople(Surface(grid, values, "persons"), path, int(valid.sum()), persons, tuple(notices))


def _titles(dataset: DatasetReader) -> list[str]:
    """Return what a raster says of itself as a whole; a history of how it was made says nothing of its cells."""
    return [
        str(value)
        for key, value in dataset.tags().items()
        if re.search("description|title|documentname|unit", key, re.IGNORECASE)
    ]


def _structure(dataset: DatasetReader, source: Raster) -> list[Problem]:
    problems = []
    if dataset.count != 1:
        problems.append(problem("population.bands", file=source.path, count=dataset.count))
    if any(np.issubdtype(np.dtype(kind), np.complexfloating) for kind in dataset.dtypes):
        problems.append(problem("population.complex", file=source.path))
    turned = dataset.transform.b != 0 or dataset.transform.d != 0
    sides = (abs(dataset.transform.a), abs(dataset.transform.e))
    finite = math.isfinite(sum(dataset.transform[:6]))
    if dataset.transform.is_identity or not finite or (min(sides) < LEAST_SIDE and not turned):
        problems.append(problem("population.no_position", file=source.path))
    if turned or dataset.transform.a < 0:
        problems.append(problem("population.turned", file=source.path))
    with collect(problems):
        _raster_crs(dataset, source)
    return problems


def _raster_crs(dataset: DatasetReader, source: Raster) -> pyproj.CRS:
    """Return the CRS of a raster; the study's word counts only where the file has none."""
    own = None if dataset.crs is None else pyproj.CRS.from_wkt(dataset.crs.to_wkt())
    declared = source.crs
    if declared is None:
        if own is None:
            raise StudyError(problem("inputs.no_crs", file=source.path))
        if not (own.is_geographic or own.is_projected):
            raise StudyError(problem("inputs.unknown_crs", file=source.path, crs=own.name))
        return own
    if declared.casefold().replace("-", "").replace("_", "") in SERVICES:
        raise StudyError(problem("population.shifted_grid", file=source.path, crs=declared))
    try:
        crs = gates.parse_crs(declared)
    except pyproj.exceptions.CRSError as error:
        raise StudyError(problem("inputs.unknown_crs", file=source.path, crs=declared)) from error
    if own is None:
        return crs
    both_wgs84 = gates.is_wgs84(own) and gates.is_wgs84(crs)
    if not both_wgs84 and not crs.equals(own, ignore_axis_order=True):
        raise StudyError(problem("inputs.crs_conflict", file=source.path, declared=declared, own=own.name))
    return own


def _valid(raw: NDArray[Any], masked: NDArray[np.bool_], file: str) -> tuple[NDArray[np.float64], list[Problem]]:
    """Return float64 values with NaN where the file holds none, and the conventions that were recognised."""
    values = raw.astype(np.float64)
    values[masked] = np.nan
    notices = []
    if raw.dtype == np.uint8 and (full := int((values == 255.0).sum())) > 0:
        notices.append(problem("population.saturated", file=file, count=full, value=255))
    for value, found in _undeclared(values, raw.dtype):
        count = int(found.sum())
        if count:
            values[found] = np.nan
            notices.append(problem("population.undeclared", file=file, value=value, count=count))
    return values, notices


def _undeclared(values: NDArray[np.float64], dtype: np.dtype[Any]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield each convention for "no data" and the cells that hold it, one at a time: each mask is a raster."""
    for mark in CONVENTIONS:
        yield f"{mark:.0f}", values == mark
    yield "±inf", np.isinf(values)
    yield "±3.4e38", np.isfinite(values) & (np.abs(values) >= HUGE)
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        # The end of an integer's range is a mark, not a count; in one unsigned byte 255 people are possible.
        if limits.min < 0:
            yield str(limits.min), values == float(limits.min)
        if dtype != np.uint8:
            yield str(limits.max), values == float(limits.max)


def _read_points(path: Path, source: PersonPoints, table: Table, columns: Mapping[str, str]) -> PointPeople:
    problems: list[Problem] = []
    ids = np.full(len(table.cells), "", dtype=object)
    texts = ids
    read = Numbers(np.full(len(table.cells), np.nan), {}, ())
    # The schema's default is a guess; a column the study names itself must exist.
    given = source.persons if "persons" in source.model_fields_set else None
    with collect(problems):
        column = pick.need(table, "persons", given)
        texts, read = table.texts(column), read_column(table, column, "persons")
    with collect(problems):
        position = pick.find(table, "id", source.id)
        ids = ids if position is None else table.texts(position)
    groups: dict[str, NDArray[np.float64]] = {}
    with collect(problems):
        groups = read_group_columns(table, columns)
    if problems:
        problems += place_problems(table, source, (source.lon, source.lat))
        raise StudyError(problems)
    persons = read.values  # noqa: PD011 - Numbers, not a frame
    problems += impossible_rows(table, persons, texts) + duplicate_ids(table.place, list(ids), list(table.rows))
    with collect(problems):
        places = locate(table, source, list(ids), columns=(source.lon, source.lat))
    if problems:
        raise StudyError(problems)
    number = np.isfinite(persons)
    left = [
        SetAside(source.path, table.layer, int(table.rows[k]), ids[k], str(texts[k]), no_persons(read, k))
        for k in np.flatnonzero(places.kept & ~number).tolist()
    ]
    kept = places.kept & number
    frame = pd.DataFrame(
        {
            "id": ids[kept],
            "lon": places.lon[kept],
            "lat": places.lat[kept],
            "persons": persons[kept],
            "row": table.rows[kept],
            **marked(groups, np.flatnonzero(kept)),
        }
    )
    frame, groups = parted(_identified(frame))
    check_frame(frame, PEOPLE)
    total = math.fsum(frame["persons"])
    if total == 0:
        raise StudyError(problem("population.nobody", file=table.place, count=len(frame)))
    # the schema's own word says nothing of the column that was found
    named = called_density(table.place, table.columns[pick.need(table, "persons", given)])
    notices = [*places.notices, *named, *read.notices]
    unplaced = math.fsum(persons[number & ~places.kept])
    if unplaced > 0:
        notices.append(problem("population.unplaced", file=table.place, persons=unplaced, count=len(places.set_aside)))
    for name, group in groups.items():
        notices += group_notices(table.place, name, frame["persons"].to_numpy(dtype=float), group)
    lost = (*places.set_aside, *left)
    return PointPeople(frame, path, total, tuple(notices), lost, groups, (account(table, frame["row"], lost),))


def called_density(file: str, name: str) -> list[Problem]:
    """Tell where the name of a file or column says density and numbers of people are meant."""
    return [problem("intake.density_name", file=file, value=name)] if DENSITY.search(name) else []


def impossible_rows(table: Table, persons: NDArray[np.float64], texts: NDArray[np.object_]) -> list[Problem]:
    """Return a problem where rows hold fewer than no people, and one where they hold more than anywhere live."""
    problems = []
    for key, wrong in (("population.negative_rows", persons < 0), ("people.too_many_rows", persons > MOST_PERSONS)):
        rows = np.flatnonzero(wrong)
        if len(rows):
            shown = some(f"{table.rows[k]} ({texts[k]})" for k in rows)
            limit = {} if key == "population.negative_rows" else {"limit": f"{MOST_PERSONS:,.0f}"}
            problems.append(problem(key, file=table.place, count=len(rows), rows=shown, **limit))
    return problems


def no_persons(read: Numbers, row: int) -> Problem:
    """Return why a row has no number of people."""
    return read.reasons.get(row) or problem("inputs.reason.persons")


def _identified(frame: pd.DataFrame) -> pd.DataFrame:
    """Give rows without identifier a hash of place and persons, numbered where several are equal; sort by id."""
    made = [
        one or "#" + hashlib.sha256(f"{lon:.7f}\n{lat:.7f}\n{persons!r}".encode()).hexdigest()[:12]
        for one, lon, lat, persons in zip(frame["id"], frame["lon"], frame["lat"], frame["persons"], strict=True)
    ]
    made_frame = frame.assign(id=pd.Series(made, index=frame.index, dtype="object"))
    # Equal rows are all people: they differ only in this number, so the order of the file does not matter. Rows that
    # differ in their groups alone are numbered in the order of these.
    if own := [column for column in frame.columns if column not in PEOPLE]:
        made_frame = made_frame.sort_values(own, kind="stable").reset_index(drop=True)
        made = list(made_frame["id"])
    turn = made_frame.groupby("id").cumcount()
    unique = [f"{one}-{k + 1}" if k else one for one, k in zip(made, turn, strict=True)]
    final = made_frame.assign(id=pd.Series(unique, index=made_frame.index, dtype="object"))
    return final.sort_values("id", kind="stable").reset_index(drop=True)
