"""People counted by name or code, without coordinates: village tables, and censuses a raster is scaled to."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.geo.crs import geodesic_m
from servicecircle.inputs import columns as pick
from servicecircle.inputs.corrections import NO_CORRECTIONS, Corrections
from servicecircle.inputs.groups import group_notices, marked, parted, read_group_columns
from servicecircle.inputs.matching import TOWN_KINDS, Matching, Names, match, names_of, sums_others
from servicecircle.inputs.numbers import read_column
from servicecircle.inputs.population import PointPeople, impossible_rows, no_persons
from servicecircle.inputs.problems import NAMED_ROWS, collect, duplicate_ids, some
from servicecircle.inputs.roads import Places
from servicecircle.inputs.rows import RowCount, account
from servicecircle.inputs.setaside import SetAside
from servicecircle.inputs.tables import PEOPLE, Table, check_frame, read_table
from servicecircle.study import Calibration

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd
    from numpy.typing import NDArray

    from servicecircle.study import RowColumns, Study

#: A place joined by name alone is another of that name when it lies beyond this many times the middle distance of all
#: joined places from their middle, and beyond this many metres.
FAR_TIMES, FAR_M = 5.0, 20_000.0


@dataclass(frozen=True)
class CountedRows:
    """Rows of a table that say how many people a town or a village has.

    Attributes
    ----------
    table : Table
        The file, for messages.
    row : int64 array (rows,)
        Row in the file as a person counts it.
    names : Names
        Code, name and town of each row.
    persons : float64 array (rows,)
        People, 0 or more.
    set_aside : tuple of SetAside
        Rows without a number of people, and rows that sum others.
    notices : tuple of Problem
    groups : mapping of str to float64 array (rows,)
        People of each group, where the table alone says where people live; NaN where a cell holds no number.
    """

    table: Table
    row: NDArray[np.int64]
    names: Names
    persons: NDArray[np.float64]
    set_aside: tuple[SetAside, ...]
    notices: tuple[Problem, ...]
    groups: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)


@dataclass(frozen=True)
class UnitCounts:
    """How many people the units of a study have, by town or one by one.

    Attributes
    ----------
    file : str
        The file, as messages name it.
    name : tuple of str (counted,)
        Town or unit a number is for, with its code.
    persons : float64 array (counted,)
    counted : mapping of str to int
        By unit id: position of the number that includes the unit; units without one are missing.
    set_aside : tuple of SetAside
    notices : tuple of Problem
    rows : tuple of RowCount
        What became of the rows of the file.
    """

    file: str
    name: tuple[str, ...]
    persons: NDArray[np.float64]
    counted: Mapping[str, int]
    set_aside: tuple[SetAside, ...]
    notices: tuple[Problem, ...]
    rows: tuple[RowCount, ...] = ()


def read_counts(study: Study, *, corrections: Corrections = NO_CORRECTIONS) -> CountedRows | None:
    """Read the table or census of a study; None when it names neither.

    Raises
    ------
    StudyError
        The file is missing or broken, a column is missing or stands twice, a code stands twice, or people are
        negative or nowhere.
    """
    source = study.population.counts
    if source is None:
        return None
    table = corrections.apply(read_table(study.locate(source.path), source.layer, file=source.path))
    cells, notices = _columns(table, source)
    given = source.column if isinstance(source, Calibration) else getattr(source, "persons", None)
    read = read_column(table, pick.need(table, "persons", given), "persons")
    persons, notices = read.values, (*notices, *read.notices)  # noqa: PD011 - Numbers, not a frame
    problems = impossible_rows(table, persons, cells["persons"])
    groups: dict[str, NDArray[np.float64]] = {}
    if study.population.table is not None:
        with collect(problems):
            groups = read_group_columns(table, study.population.group_columns)
    problems += duplicate_ids(table.place, list(cells["id"]), list(table.rows))
    texts = zip(cells["id"], cells["name"], cells["town"], strict=True)
    sums = np.array([sums_others(*map(str, row)) for row in texts], dtype=bool)
    kept = np.isfinite(persons) & ~sums
    if not problems and not math.fsum(persons[kept]) > 0:
        problems.append(problem("population.nobody", file=table.place, count=int(kept.sum())))
    if problems:
        raise StudyError(problems)
    left = tuple(
        SetAside(
            table.file,
            table.layer,
            int(table.rows[k]),
            str(cells["id"][k] or cells["name"][k]),
            str((cells["name"][k] or cells["town"][k]) if sums[k] else cells["persons"][k]),
            problem("matching.total") if sums[k] else no_persons(read, k),
        )
        for k in np.flatnonzero(~kept).tolist()
    )
    names = Names(*([str(text) for text in cells[role][kept]] for role in ("id", "name", "town")))
    of_groups = {name: values[kept] for name, values in groups.items()}
    return CountedRows(table, table.rows[kept], names, persons[kept], left, notices, of_groups)


def _columns(table: Table, source: RowColumns) -> tuple[dict[str, NDArray[np.object_]], tuple[Problem, ...]]:
    """Return the texts of each role's column; empty texts where a table has no such column."""
    problems: list[Problem] = []
    found: dict[str, int | None] = {"id": None, "name": None, "town": None, "persons": None}
    of_towns = isinstance(source, Calibration) and source.unit == "town"
    persons = source.column if isinstance(source, Calibration) else getattr(source, "persons", None)
    with collect(problems):
        found["persons"] = pick.need(table, "persons", persons)
    with collect(problems):
        found["id"] = pick.find(table, "id", source.id)
    with collect(problems):
        found["name"] = pick.find(table, "town" if of_towns else "village", source.name)
        if found["name"] is None and of_towns:
            found["name"] = pick.find(table, "village", None)
    if not of_towns:
        with collect(problems):
            town = pick.find(table, "town", source.parent)
            found["town"] = None if town == found["name"] else town
    if not problems and found["id"] is None and found["name"] is None:
        with collect(problems):
            pick.need(table, "town" if of_towns else "village", None)
    if problems:
        raise StudyError(problems)
    notices = list(table.notices)
    if found["persons"] is not None and "户籍" in (column := table.columns[found["persons"]]):
        notices.append(problem("matching.registered", file=table.place, column=column))
    empty = np.full(len(table.cells), "", dtype=object)
    return {role: empty if at is None else table.texts(at) for role, at in found.items()}, tuple(notices)


@dataclass(frozen=True)
class _Joined:
    """Rows with their targets, after everything that refuses them."""

    target: NDArray[np.int64]
    set_aside: tuple[SetAside, ...]
    notices: tuple[Problem, ...]


def _join(
    rows: CountedRows,
    targets: Names,
    *,
    towns: bool = False,
    lonlat: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
) -> _Joined:
    """Join rows to targets; ``lonlat`` are those of targets that only their names bring into the study.

    Raises
    ------
    StudyError
        Several rows mean one target, or more than half of the rows mean none.
    """
    found, table = match(rows.names, targets, towns=towns), rows.table
    target, reason = found.target.copy(), dict(found.reason)
    if lonlat is not None:
        reason |= _far(target, *lonlat)
        target[list(reason)] = -1
    problems = _clashes(rows, found, targets)
    if 2 * len(reason) > len(target):
        first = min(reason, key=lambda k: int(rows.row[k]))
        counts = {"lost": len(reason), "rows": len(target)}
        problems.append(
            problem("matching.most_lost", file=table.place, row=int(rows.row[first]), reason=reason[first], **counts)
        )
    if problems:
        raise StudyError(problems)
    lost = sorted(reason)
    left = tuple(
        SetAside(
            table.file,
            table.layer,
            int(rows.row[k]),
            rows.names.code[k] or rows.names.name[k],
            _shown(rows, k),
            reason[k],
        )
        for k in lost
    )
    notices = []
    if lost:
        persons = math.fsum(rows.persons[lost])
        notices.append(problem("matching.lost", file=table.place, count=len(lost), persons=f"{persons:,.0f}"))
    for key, told in (("matching.other_name", found.other_name), ("matching.other_kind", found.other_kind)):
        if told:
            pairs = some(f"{_shown(rows, k)} / {targets.name[target[k]]}" for k in told)
            notices.append(problem(key, file=table.place, count=len(told), pairs=pairs))
    return _Joined(target, left, tuple(notices))


def _shown(rows: CountedRows, k: int) -> str:
    return f"{rows.names.town[k]}{rows.names.name[k]}"


def _clashes(rows: CountedRows, found: Matching, targets: Names) -> list[Problem]:
    place = rows.table.place
    problems = [
        problem(
            "matching.clash",
            file=place,
            rows=some(f"{rows.row[k]} ({_shown(rows, k) or rows.names.code[k]})" for k in which),
            unit=f"{targets.town[unit]}{targets.name[unit]}",
        )
        for unit, which in found.clashes[:NAMED_ROWS]
    ]
    if len(found.clashes) > NAMED_ROWS:
        problems.append(problem("matching.more_clashes", file=place, count=len(found.clashes) - NAMED_ROWS))
    return problems


def _far(target: NDArray[np.int64], lon: NDArray[np.float64], lat: NDArray[np.float64]) -> dict[int, Problem]:
    """Return the rows whose place lies far from where most joined places lie: another place of that name."""
    joined = np.flatnonzero(target >= 0)
    if not len(joined):
        return {}
    x, y = lon[target[joined]], lat[target[joined]]
    away = geodesic_m(x, y, np.full(len(x), np.median(x)), np.full(len(y), np.median(y)))
    limit = max(FAR_M, FAR_TIMES * float(np.median(away)))
    return {
        int(k): problem("matching.far", km=f"{metres / 1000:.0f}")
        for k, metres in zip(joined, away, strict=True)
        if metres > limit
    }


def people_at_units(rows: CountedRows, units: gpd.GeoDataFrame, study: Study) -> PointPeople:
    """Return the people of a village table at a point of each unit: its own, or one inside its border.

    Raises
    ------
    StudyError
        As for :func:`_join`.
    """
    targets = names_of(units)
    joined = _join(rows, targets)
    without = np.setdiff1d(np.arange(len(units)), joined.target)
    notices = list(joined.notices)
    if len(without):
        names = some(f"{targets.town[k]}{targets.name[k]}" for k in without)
        notices.append(problem("matching.no_row", file=rows.table.place, count=len(without), names=names))
    points = shapely.point_on_surface(units.geometry.to_numpy())
    return _people(rows, joined, targets, (shapely.get_x(points), shapely.get_y(points)), notices, study)


def people_at_places(rows: CountedRows, places: Places, study: Study) -> PointPeople:
    """Return the people of a village table at the named places of the road file; places without a row are no units.

    Raises
    ------
    StudyError
        As for :func:`_join`.
    """
    targets = _names_of_places(places)
    joined = _join(rows, targets, lonlat=(places.lon, places.lat))
    return _people(rows, joined, targets, (places.lon, places.lat), list(joined.notices), study)


def _people(
    rows: CountedRows,
    joined: _Joined,
    targets: Names,
    lonlat: tuple[NDArray[np.float64], NDArray[np.float64]],
    notices: list[Problem],
    study: Study,
) -> PointPeople:
    used = np.flatnonzero(joined.target >= 0)
    at = joined.target[used]
    frame = pd.DataFrame(
        {
            "id": np.array([targets.code[k] for k in at], dtype=object),
            "lon": lonlat[0][at],
            "lat": lonlat[1][at],
            "persons": rows.persons[used],
            "row": rows.row[used],
            **marked(rows.groups, used),
        }
    )
    frame, groups = parted(frame.sort_values("id", kind="stable").reset_index(drop=True))
    check_frame(frame, PEOPLE)
    for name, group in groups.items():
        notices += group_notices(rows.table.place, name, frame["persons"].to_numpy(dtype=float), group)
    told = (*rows.notices, *notices, problem("matching.village_points"))
    path = study.locate(rows.table.file)
    left = (*rows.set_aside, *joined.set_aside)
    count = account(rows.table, frame["row"], left)
    return PointPeople(frame, path, math.fsum(frame["persons"]), told, left, groups, (count,))


def unit_counts(rows: CountedRows, study: Study, units: gpd.GeoDataFrame | Places) -> UnitCounts:
    """Return how many people each town or unit of the study has; named places are units without a town.

    Raises
    ------
    StudyError
        As for :func:`_join`; also where a census is of towns and the units name none.
    """
    source = study.population.counts
    targets = _names_of_places(units) if isinstance(units, Places) else names_of(units)
    members = list(range(len(targets.code)))
    towns = isinstance(source, Calibration) and source.unit == "town"
    if towns and any(targets.town):
        known = sorted({town for town in targets.town if town})
        members = [known.index(town) if town else -1 for town in targets.town]
        owner = Names(known, known, [""] * len(known))
    elif towns and not _are_towns(units):
        raise StudyError(problem("calibrate.no_towns", file=rows.table.place))
    else:
        owner = targets
    joined = _join(rows, owner, towns=towns)
    used = np.flatnonzero(joined.target >= 0)
    used = used[np.argsort(joined.target[used], kind="stable")]
    number = {int(joined.target[k]): n for n, k in enumerate(used)}
    labels = [
        f"{owner.town[t]}{owner.name[t]}" + (f" ({c})" if (c := owner.code[t]) != owner.name[t] else "") for t in number
    ]
    left = (*rows.set_aside, *joined.set_aside)
    return UnitCounts(
        rows.table.place,
        tuple(labels),
        rows.persons[used],
        {code: number[m] for code, m in zip(targets.code, members, strict=True) if m in number},
        left,
        (*rows.notices, *joined.notices),
        (account(rows.table, rows.row[used], left),),
    )


def _are_towns(units: gpd.GeoDataFrame | Places) -> bool:
    """Return whether most units are towns by their names."""
    return not isinstance(units, Places) and 2 * int(units["kind"].isin(TOWN_KINDS).sum()) >= len(units)


def _names_of_places(places: Places) -> Names:
    return Names([str(one) for one in places.id], [str(one) for one in places.name], [""] * len(places.id))
