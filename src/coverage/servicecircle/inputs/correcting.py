"""Where the corrections of a study stand in its files, and whether they can be carried out.

They are found once, before any file is read for use, so that all that is wrong with them is told at once; the readers
then only carry them out (:meth:`servicecircle.inputs.corrections.Corrections.apply`).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
import shapely

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.inputs.columns import fold, recognised
from servicecircle.inputs.correction_file import (
    COLUMNS,
    DELETE_WORDS,
    EMPTY_WORDS,
    WHOLE_ROW,
    Correction,
    read_corrections_file,
)
from servicecircle.inputs.corrections import AXES, Applied, Corrections, place_of, same_file
from servicecircle.inputs.problems import NAMED_ROWS, collect, nearest, some
from servicecircle.inputs.rows import RowCount
from servicecircle.inputs.setaside import SetAside
from servicecircle.inputs.tables import Table, read_table, to_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicecircle.inputs.corrections import Key
    from servicecircle.study import Source, Study

#: How a row is named by its number: ``row 12``, ``第12行``, ``#12``.
_ROW = re.compile(r"(?:row|行|#|第)\s*([0-9]+)\s*行?")
_WITH_LAYER = re.compile(r"(.+?)\s*\[([^\[\]]+)\]")
_POINTS = (shapely.GeometryType.POINT, shapely.GeometryType.MULTIPOINT)


# --- which files there are --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Read:
    """A table the study reads: its path, its layer as the study names it, and its column of the identifier."""

    path: str
    layer: str | None
    id: str | None = None


def _tables(study: Study) -> list[_Read]:
    """Return every table of a study that is read row by row."""
    area, people, facilities = study.area, study.population, study.facilities
    found = [
        _Read(one.path, one.layer, one.id if "id" in one.model_fields_set else None)
        for one in (area.units, area.points)
        if one is not None
    ]
    found += [
        _Read(one.path, one.layer, one.id) for one in (people.points, people.table, people.calibrate) if one is not None
    ]
    found += [_Read(one.path, one.layer, one.columns.id) for one in facilities]
    found += [_Read(one.path, one.layer, one.id) for one in study.assets]
    drawn: list[Source | None] = [study.barriers.lines, study.roads.lines, *(one.gates for one in facilities)]
    return found + [_Read(one.path, one.layer) for one in drawn if one is not None]


def _others(study: Study) -> dict[str, str]:
    """Return files that are not read row by row, and the key of the sentence that says so."""
    people, roads = study.population, study.roads
    rasters = [people.raster, people.compare, *people.group_rasters.values()]
    found = {same_file(one.path): "corrections.raster" for one in rasters if one is not None}
    return found | {same_file(one.path): "corrections.roads" for one in (roads.osm, roads.graphml) if one is not None}


@dataclass(frozen=True)
class _Target:
    """A table that is corrected, and the position of its identifiers."""

    table: Table
    id: int | None


def _open(study: Study, reads: Sequence[_Read]) -> list[_Target]:
    """Read the tables of one file, each layer once; what cannot be read is told by its reader."""
    found: dict[str, _Target] = {}
    for one in reads:
        try:
            table = read_table(study.locate(one.path), one.layer, file=one.path)
        except (StudyError, OSError):
            # its reader says what is wrong with it
            continue
        if table.layer not in found or found[table.layer].id is None:
            found[table.layer] = _Target(table, _id_column(table, one.id))
    return list(found.values())


def _id_column(table: Table, given: str | None) -> int | None:
    if given is not None:
        return next((k for k, name in enumerate(table.columns) if name == given), None)
    try:
        return recognised(table, "id")
    except StudyError:
        # two columns could be it: rows are named by their numbers
        return None


# --- what a correction means ------------------------------------------------------------------------------------------


def read_corrections(study: Study, problems: list[Problem]) -> Corrections:
    """Read the corrections of a study and find them in its files.

    Parameters
    ----------
    study : Study
    problems : list of Problem
        What is wrong with corrections is added to it: a file, row or field that is not there or not unique, ``old``
        that is not what stands there, two corrections of one cell, no reason, a file that is no table.

    Returns
    -------
    Corrections
        Those that can be carried out. A row with neither ``new`` nor ``by`` is a template's that nobody filled in.
    """
    applied: list[Applied] = []
    removed: list[SetAside] = []
    notices: list[Problem] = []
    rows: list[RowCount] = []
    finder = _Finder(study)
    for path in study.study.corrections:
        with collect(problems):
            table, found = read_corrections_file(study.locate(path), path)
            asked = [one for one in found if not one.untouched]
            mine: list[Applied] = []
            wrong: list[Problem] = []
            for one in asked:
                with collect(wrong):
                    mine.append(finder.find(one))
            problems += _first_of_each(table, wrong)
            gone = [one for one in mine if one.field == WHOLE_ROW]
            removed += [_removed(one) for one in gone]
            notices += _notices(table, len(mine), len(gone), len(found) - len(asked))
            rows.append(RowCount(table.file, table.layer, len(found), len(asked), 0, len(found) - len(asked)))
            applied += mine
    problems += _twice(applied)
    return Corrections(tuple(applied), tuple(removed), tuple(notices), tuple(rows))


def _first_of_each(table: Table, wrong: Sequence[Problem]) -> list[Problem]:
    """Return the first problems of each kind and the number of the others: a new version of a file makes all stale."""
    found: dict[str, list[Problem]] = {}
    for one in wrong:
        found.setdefault(one.key, []).append(one)
    named = [one for many in found.values() for one in many[:NAMED_ROWS]]
    more = len(wrong) - len(named)
    return [*named, problem("corrections.more", file=table.place, count=more)] if more else named


def _notices(table: Table, applied: int, removed: int, untouched: int) -> list[Problem]:
    notices = list(table.notices)
    if applied:
        notices.append(problem("corrections.applied", file=table.place, count=applied, removed=removed))
    if untouched:
        notices.append(problem("corrections.untouched", file=table.place, count=untouched))
    return notices


def _removed(one: Applied) -> SetAside:
    reason = problem("corrections.removed", file=one.file, reason=one.reason, by=one.by or "-")
    return SetAside(one.source, one.layer, one.row, one.id, one.old, reason)


def _twice(applied: Sequence[Applied]) -> list[Problem]:
    """Return a problem for each cell, and each row that is taken out, that several corrections change."""
    cells: dict[tuple[Key, int, str, int], list[Applied]] = {}
    rows: dict[tuple[Key, int], list[Applied]] = {}
    for one in applied:
        cells.setdefault((one.key, one.row, one.field, one.position), []).append(one)
        rows.setdefault((one.key, one.row), []).append(one)
    clashes = [found for found in cells.values() if len(found) > 1]
    clashes += [
        found
        for found in rows.values()
        if len({one.field for one in found}) > 1 and any(one.field == WHOLE_ROW for one in found)
    ]
    return [
        problem(
            "corrections.twice",
            file=some(one.file for one in found),
            source=found[0].source,
            id=found[0].id,
            column=found[0].field,
        )
        for found in clashes
    ]


class _Finder:
    """Finds the cells that corrections mean; every file is read once."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._reads: dict[str, list[_Read]] = {}
        for one in _tables(study):
            self._reads.setdefault(same_file(one.path), []).append(one)
        self._others = _others(study)
        self._open: dict[str, list[_Target]] = {}

    def find(self, one: Correction) -> Applied:
        """Return the correction of one cell.

        Raises
        ------
        StudyError
            It cannot be carried out.
        """
        where = {"file": one.file, "row": one.row}
        missing = [name for name in ("source", "id", "field", "reason") if not getattr(one, name)]
        if missing:
            columns = ", ".join(" / ".join(COLUMNS[name][:2]) for name in missing)
            raise StudyError(problem("corrections.missing", column=columns, **where))
        if not one.new:
            raise StudyError(problem("corrections.no_new", column=one.field, id=one.id, **where))
        target = self._target(one)
        k = _row_of(target, one)
        if one.field == WHOLE_ROW:
            return _whole_row(target.table, k, one)
        if fold(one.new) in DELETE_WORDS:
            raise StudyError(problem("corrections.delete_field", column=one.field, **where))
        axis = AXES.get(fold(one.field))
        if target.table.geometry is not None and axis is not None:
            return _point(target.table, k, axis, one)
        return _cell(target.table, k, one)

    def _target(self, one: Correction) -> _Target:
        where = {"file": one.file, "row": one.row, "source": one.source}
        path, layer = same_file(one.source), None
        if path not in self._reads and (parts := _WITH_LAYER.fullmatch(one.source)):
            path, layer = same_file(parts[1]), parts[2]
        if path in self._others and path not in self._reads:
            raise StudyError(problem(self._others[path], **where))
        if path not in self._reads:
            known = sorted(read.path for reads in self._reads.values() for read in reads[:1])
            raise StudyError(
                problem("corrections.no_source", nearest=nearest(one.source, known), known=some(known, 20), **where)
            )
        if path not in self._open:
            self._open[path] = _open(self._study, self._reads[path])
        targets = [target for target in self._open[path] if layer is None or target.table.layer == layer]
        if len(targets) == 1:
            return targets[0]
        read = [target.table.place for target in self._open[path]]
        if not read:
            raise StudyError(problem("corrections.unreadable", **where))
        key = "corrections.layer" if layer is None else "corrections.no_layer"
        raise StudyError(problem(key, layers=some(read, 20), **where))


def _row_of(target: _Target, one: Correction) -> int:
    """Return the position of the row a correction means."""
    table = target.table
    where = {"file": one.file, "row": one.row, "source": table.place, "id": one.id}
    known: list[str] = []
    if target.id is not None:
        known = [str(text) for text in table.texts(target.id)]
        stem = f"{PurePosixPath(same_file(table.file)).stem}:"
        for word in (one.id, one.id.removeprefix(stem)):
            found = [k for k, text in enumerate(known) if text == word]
            if len(found) > 1:
                raise StudyError(problem("corrections.not_unique", rows=some(table.rows[found]), **where))
            if found:
                return found[0]
    parts = _ROW.fullmatch(fold(one.id))
    if parts is not None:
        for k in np.flatnonzero(table.rows == int(parts[1])).tolist():
            return int(k)
        numbers = problem("corrections.numbers", first=_end(table, 0), last=_end(table, -1))
        raise StudyError(problem("corrections.no_row", numbers=numbers, **where))
    if target.id is None:
        raise StudyError(problem("corrections.no_ids", **where))
    raise StudyError(
        problem("corrections.no_id", column=table.columns[target.id], nearest=nearest(one.id, known), **where)
    )


def _end(table: Table, which: int) -> int:
    return int(table.rows[which]) if len(table.rows) else 0


def _applied(table: Table, k: int, field: tuple[str, int], texts: tuple[str, str], one: Correction) -> Applied:
    name, position = field
    row, place = int(table.rows[k]), f"{one.file}:{one.row}"
    return Applied(table.file, table.layer, row, one.id, name, position, *texts, one.reason, one.by, place)


def _whole_row(table: Table, k: int, one: Correction) -> Applied:
    if fold(one.new) not in DELETE_WORDS:
        raise StudyError(problem("corrections.whole_row", file=one.file, row=one.row, value=one.new))
    held = [str(text) for text in table.cells.iloc[k]]
    if one.old and not any(_same(one.old, text) for text in held):
        where = {"file": one.file, "row": one.row, "source": table.place, "id": one.id, "value": one.old}
        found = some(text for text in held if text)
        raise StudyError(problem("corrections.stale_row", source_row=int(table.rows[k]), found=found, **where))
    return _applied(table, k, (WHOLE_ROW, -1), (one.old, ""), one)


def _cell(table: Table, k: int, one: Correction) -> Applied:
    exact = [position for position, name in enumerate(table.columns) if name == one.field]
    found = exact or [position for position, name in enumerate(table.columns) if fold(name) == fold(one.field)]
    if not found and fold(one.field) in AXES:
        # what a layer calls lon, a table may call 经度
        with collect([]):
            recognised_axis = recognised(table, fold(one.field))
            found = [] if recognised_axis is None else [recognised_axis]
    if len(found) != 1:
        known = [name for name in table.columns if name]
        key = "corrections.two_fields" if found else "corrections.no_field"
        values = {"file": one.file, "row": one.row, "source": table.place, "column": one.field}
        raise StudyError(problem(key, nearest=nearest(one.field, known), columns=some(known, 20), **values))
    held = str(table.texts(found[0])[k])
    new = "" if fold(one.new) in EMPTY_WORDS else one.new
    _check_old(table, k, one, held, new)
    return _applied(table, k, (table.columns[found[0]], found[0]), (held, new), one)


def _check_old(table: Table, k: int, one: Correction, held: str, new: str) -> None:
    if _same(one.old, held):
        return
    if new == held:
        where = {"file": one.file, "row": one.row, "source": table.place, "id": one.id, "column": one.field}
        raise StudyError(problem("corrections.already", value=held or problem("corrections.nothing"), **where))
    raise StudyError(_stale(table, k, one, held))


def _stale(table: Table, k: int, one: Correction, held: str) -> Problem:
    where = {"file": one.file, "row": one.row, "source": table.place, "id": one.id, "column": one.field}
    texts = {name: text or problem("corrections.nothing") for name, text in (("value", one.old), ("found", held))}
    return problem("corrections.stale", source_row=int(table.rows[k]), **texts, **where)


def _point(table: Table, k: int, axis: int, one: Correction) -> Applied:
    """Return the correction of a coordinate of a point, in the layer's own coordinate system."""
    shape = None if table.geometry is None else table.geometry[k]
    where = {"file": one.file, "row": one.row, "source": table.place, "id": one.id}
    if shape is not None and not shape.is_empty and not _is_point(shape):
        raise StudyError(problem("corrections.not_point", column=one.field, **where))
    if to_number(one.new) is None:
        raise StudyError(problem("corrections.not_number", column=one.field, value=one.new, **where))
    place = place_of(shape)[axis]
    held = f"{place:.7f}" if math.isfinite(place) else ""
    if not (_same(one.old, held) or _rounds_to(place, one.old)):
        raise StudyError(_stale(table, k, one, held))
    return _applied(table, k, (fold(one.field), -1), (held, one.new), one)


def _is_point(shape: shapely.Geometry) -> bool:
    return shapely.get_type_id(shape) in _POINTS and shapely.get_num_geometries(shape) == 1


def _rounds_to(place: float, old: str) -> bool:
    """Return whether a coordinate is the written one, to the decimals it is written with."""
    written = _decimal(old)
    if written is None or not math.isfinite(place):
        return False
    decimals = max(0, -int(written.as_tuple().exponent))
    # the last decimal may have been rounded or cut
    return abs(place - float(written)) < 10.0**-decimals


def _same(old: str, held: str) -> bool:
    """Return whether two texts are one: the same signs or the same number (``114.30``, ``114.3``)."""
    if old == held:
        return True
    one, other = _decimal(old), _decimal(held)
    return one is not None and one == other


def _decimal(text: str) -> Decimal | None:
    """Return a plain number exactly, whatever its length; None where the text is none."""
    if to_number(text) is None:
        return None
    try:
        return Decimal(text.strip().replace(",", ""))
    except InvalidOperation:
        return None
