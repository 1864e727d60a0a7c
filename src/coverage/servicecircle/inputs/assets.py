"""What facilities, units and the area have: staff, beds, vehicles, places and reported values, in one checked table.

An empty cell is unknown and makes no row: it is never 0. Values are joined to facilities by identifier, else by exact
name, and to units as village tables are; a row that finds none, or several, is set aside with the nearest spellings.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.inputs import columns as pick
from servicecircle.inputs.cells import Cell
from servicecircle.inputs.corrections import NO_CORRECTIONS, Corrections
from servicecircle.inputs.joining import Joined, join_facilities, join_names, join_units
from servicecircle.inputs.links import read_links
from servicecircle.inputs.matching import Names
from servicecircle.inputs.numbers import Reading, read_cell
from servicecircle.inputs.problems import NAMED_ROWS, collect, nearest, some
from servicecircle.inputs.rows import RowCount, account
from servicecircle.inputs.setaside import SetAside
from servicecircle.inputs.tables import ASSETS, Table, check_frame, read_table
from servicecircle.inputs.units import town_of
from servicecircle.standards.catalogue import load_catalogue
from servicecircle.standards.vocabulary import asset_code, asset_value, assets, is_attribute

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from servicecircle.study import AssetFile, FacilityColumns, Study

#: Keys of ``FacilityColumns`` that say what a facility has.
OF_FACILITY = (
    "beds open_beds authorised_beds staff doctors gps nurses public_health_staff public_health_physicians vehicles "
    "negative_pressure_ambulances childcare_places tcm_methods tcm_classes supervision_staff posts"
).split()
#: Columns of a facility table that say whom it serves and refers to: words for other places, not numbers.
LINKS = ("serves", "refers_to")
#: Columns of a facility table that are read as assets though the study does not name them.
RECOGNISED: Mapping[str, str] = {
    "床位数": "beds",
    "执业医师数": "doctors",
    "注册护士数": "nurses",
    "救护车数": "ambulances",
}
_YEAR = re.compile(r"((?:19|20|21)[0-9]{2})\s*年?")


@dataclass(frozen=True)
class AssetReading:
    """What the study's files say of facilities, units and the area.

    Attributes
    ----------
    frame : DataFrame
        One row per value, sorted (columns: ``ASSETS`` of :mod:`servicecircle.inputs.tables`).
    links : DataFrame
        Whom facilities serve and refer to, sorted (columns: ``LINKED``): units, and other facilities.
    set_aside : tuple of SetAside
        Rows without facility or unit, cells that are no number.
    notices : tuple of Problem
        Totals, and how many have a value.
    record : dict
        Totals and rows of each file, for ``run.json``.
    rows : tuple of RowCount
        What became of the rows of each file; a row is used when its holder is known and not all its values are lost.
    """

    frame: pd.DataFrame
    links: pd.DataFrame
    set_aside: tuple[SetAside, ...]
    notices: tuple[Problem, ...]
    record: Mapping[str, Any]
    rows: tuple[RowCount, ...] = ()


@dataclass(frozen=True)
class _File:
    """What one file gave: its values, and what happened to its rows."""

    table: Table
    not_asked: int
    cells: tuple[Cell, ...]
    set_aside: tuple[SetAside, ...] = ()
    notices: tuple[Problem, ...] = ()


def own_columns(table: Table, columns: FacilityColumns) -> dict[str, int]:
    """Return the positions of the asset columns of a facility table by asset.

    Raises
    ------
    StudyError
        A column the study names does not exist, or one asset stands in two columns.
    """
    problems: list[Problem] = []
    named = (*OF_FACILITY, *LINKS)
    given = {name: column for name in named if (column := getattr(columns, name)) is not None}
    found: dict[str, int] = {}
    for word, column in (given | columns.attributes).items():
        code = word if word in LINKS else asset_code(word)
        if code is None:
            problems.append(_unknown_asset(table.file, word))
        elif code in found:
            problems.append(problem("assets.two_columns", file=table.place, asset=code, columns=column))
        else:
            with collect(problems):
                found[code] = pick.named(table, column)
    for position, column in enumerate(table.columns):
        asset = RECOGNISED.get(pick.fold(column))
        if asset is None or position in found.values() or (asset in found and column not in given.values()):
            continue
        if asset in found:
            problems.append(problem("assets.two_columns", file=table.place, asset=asset, columns=column))
        found[asset] = position
    if problems:
        raise StudyError(problems)
    return found


def own_cells(table: Table, found: Mapping[str, int], ids: Sequence[str]) -> tuple[Cell, ...]:
    """Return the values of a facility table; ``ids`` are its facilities, row by row."""
    return tuple(
        Cell("facility", one, asset, str(text), "", table.columns[position], table.file, table.layer, int(row), one)
        for asset, position in found.items()
        for one, row, text in zip(ids, table.rows, table.texts(position), strict=True)
    )


def moved(cells: Iterable[Cell], same: Mapping[str, str]) -> tuple[Cell, ...]:
    """Give the values of rows that are one facility to that facility, equal values once."""
    final = [replace(cell, target_id=same.get(cell.target_id, cell.target_id)) for cell in cells]
    firsts = {(cell.target_id, cell.asset, cell.text): cell for cell in reversed(final) if cell.text}
    return tuple(reversed(firsts.values()))


def read_assets(
    study: Study,
    facilities: pd.DataFrame | None,
    own: Sequence[Cell],
    units: pd.DataFrame | None,
    *,
    corrections: Corrections = NO_CORRECTIONS,
) -> AssetReading:
    """Read all asset files of a study and join them to facilities and units.

    Parameters
    ----------
    study : Study
    facilities : DataFrame or None
        ``FACILITIES``; None when they could not be read: the files are then checked, but not joined.
    own : sequence of Cell
        Values that stand in the facility files themselves.
    units : DataFrame or None
        ``UNITS``; None when the study has none, or when they could not be read.

    Raises
    ------
    StudyError
        Every problem of every file: missing files, sheets and columns, unknown assets, negative values, one value given
        twice, values of units where the study has no units.
    """
    problems: list[Problem] = []
    files: dict[int, _File] = {}
    targets = {"facility": facilities, "unit": units, "town": None if units is None else towns_of(units)}
    for number, spec in enumerate(study.assets):
        if spec.of in ("unit", "town") and study.area.units is None and study.area.points is None:
            problems.append(problem("assets.no_units", file=spec.path))
        with collect(problems):
            files[number] = _read_file(study, spec, targets.get(spec.of), corrections)
    cells = [*own, *(cell for one in files.values() for cell in one.cells)]
    linked, lost = read_links([cell for cell in cells if cell.asset in LINKS], facilities, units)
    rows, left, converted = _numbers([cell for cell in cells if cell.asset not in LINKS], problems)
    frame = pd.DataFrame(rows, columns=list(ASSETS)).astype({"value": "float64", "row": "int64"})
    frame = frame.sort_values(["of", "target_id", "asset", "year", "source", "layer", "row"], kind="stable")
    frame = frame.reset_index(drop=True)
    problems += _twice(frame)
    if problems:
        raise StudyError(problems)
    check_frame(frame, ASSETS)
    counts = {of: 0 if whose is None else len(whose) for of, whose in targets.items()}
    totals = _totals(frame, counts | {"area": 1})
    set_aside = (*(row for one in files.values() for row in one.set_aside), *left, *lost)
    of_files = (notice for one in files.values() for notice in one.notices)
    notices = (*of_files, *converted, *map(_total_notice, totals))
    record = {"totals": totals, "rows": len(frame), "set_aside": len(set_aside)}
    accounts = tuple(_count(one) for one in files.values())
    return AssetReading(frame, linked, set_aside, notices, record if study.assets or own else {}, accounts)


def _count(one: _File) -> RowCount:
    """Return what became of the rows of a file; one whose every value is lost is set aside."""
    read = [(cell, _reading(cell)) for cell in one.cells]
    used = {cell.row for cell, reading in read if not cell.text or reading.number is not None}
    lost = [_no_number(cell, reading) for cell, reading in read if cell.row not in used]
    return account(one.table, used, (*one.set_aside, *lost), one.not_asked)


def _read_file(study: Study, spec: AssetFile, targets: pd.DataFrame | None, corrections: Corrections) -> _File:
    problems: list[Problem] = []
    codes: dict[str, str] = {}
    with collect(problems):
        codes = _codes(spec)
    table = corrections.apply(read_table(study.locate(spec.path), spec.layer, file=spec.path))
    found = _key_columns(spec, table, problems)
    choice = pick.Choice(np.ones(len(table.cells), dtype=bool), {})
    with collect(problems):
        choice = pick.choose(table, spec.where)
    values: dict[str, int] = {}
    asked = codes | {key: name for key in ("asset", "value") if (name := getattr(spec, key)) is not None}
    for key, column in asked.items():
        with collect(problems):
            values[key] = pick.named(table, column)
    if problems:
        raise StudyError(problems)
    notices = list(table.notices)
    out = len(table.cells) - int(choice.chosen.sum()) - len(choice.unjudged)
    if spec.where:
        notices.append(problem("assets.where", file=table.place, count=out, total=len(table.cells)))
    known = [*load_catalogue(), *(record.id for record in study.standards.define)]
    strange = sorted(name for name in spec.reported if name not in known)
    notices += [problem("assets.unknown_standard", file=spec.path, id=s, nearest=nearest(s, known)) for s in strange]
    rows = _Rows(spec, table, found, targets)
    left = [rows.aside(k, text, problem("inputs.reason.condition")) for k, text in choice.unjudged.items()]
    used, unused = rows.usable(np.flatnonzero(choice.chosen).tolist())
    cells, more = rows.long(used, values, known) if spec.asset is not None else (rows.wide(used, values), [])
    return _File(table, out, tuple(cells), (*left, *unused, *more), (*notices, *rows.notices))


def towns_of(units: pd.DataFrame) -> pd.DataFrame:
    """Return the towns of the units as a table of ``id`` and ``name``, both the name the units give or have."""
    names = sorted(set(town_of(units)) - {""})
    return pd.DataFrame({"id": names, "name": names}, dtype=object)


def _key_columns(spec: AssetFile, table: Table, problems: list[Problem]) -> dict[str, int | None]:
    """Return the columns that say whose a row is and of which year; what is wrong with them is added to problems."""
    before = len(problems)
    found: dict[str, int | None] = {"year": None}
    roles = {"facility": ("id", "name"), "unit": ("id", "village", "town"), "town": ("id", "town"), "area": ()}[spec.of]
    for key, role in zip(("id", "name", "parent"), roles, strict=False):
        with collect(problems):
            found[key] = pick.find(table, role, getattr(spec, key))
    if spec.of == "unit" and len(problems) == before:
        if found["id"] is None and found["name"] is None:
            # units that are towns: 乡镇 is their name
            found["name"] = found["parent"]
        if found["parent"] == found["name"]:
            found["parent"] = None
    if spec.of != "area" and len(problems) == before and found["id"] is None and found["name"] is None:
        with collect(problems):
            pick.need(table, "id", None)
    if spec.year is None:
        with collect(problems):
            found["year"] = pick.find(table, "year", None)
    return found


def _codes(spec: AssetFile) -> dict[str, str]:
    """Return the wide columns by asset code or standard.

    Raises
    ------
    StudyError
        A word is no asset, or two words are the same one.
    """
    problems = []
    codes: dict[str, str] = {}
    for word, column in spec.columns.items():
        code = asset_code(word)
        if code is None:
            problems.append(_unknown_asset(spec.path, word))
        elif code in codes:
            both = f"{codes[code]}, {column}"
            problems.append(problem("assets.two_columns", file=spec.path, asset=code, columns=both))
        else:
            codes[code] = column
    if problems:
        raise StudyError(problems)
    return codes | dict(spec.reported)


def _unknown_asset(file: str, word: str) -> Problem:
    near = nearest(word, (spelling for code, term in assets().items() for spelling in (code, term.zh)))
    return problem("assets.unknown_asset", file=file, word=word, nearest=near)


class _Rows:
    """The rows of one file, and whose they are."""

    def __init__(
        self, spec: AssetFile, table: Table, found: Mapping[str, int | None], targets: pd.DataFrame | None
    ) -> None:
        self.spec, self.table = spec, table
        empty = [""] * len(table.cells)
        texts = {role: empty if at is None else list(map(str, table.texts(at))) for role, at in found.items()}
        self.year = texts["year"]
        self.keys = {role: texts.get(role, empty) for role in ("id", "name", "parent")}
        self.label = [one or name for one, name in zip(self.keys["id"], self.keys["name"], strict=True)]
        self.whose = targets
        self.targets: dict[int, Joined] = {}
        self.notices: tuple[Problem, ...] = ()

    def _join(self, rows: Sequence[int]) -> None:
        """Find whose the rows are; those ``where`` leaves out have no claim to anything."""
        ids, names, towns = ([self.keys[role][k] for k in rows] for role in ("id", "name", "parent"))
        if self.spec.of == "area":
            found = [Joined("") for _ in rows]
        elif self.whose is None:
            # The facilities or units could not be read: said elsewhere; here the values alone are checked.
            found = [Joined(f"#{k}") for k in rows]
        elif self.spec.of == "facility":
            found = join_facilities(ids, names, self.whose)
        elif self.spec.of == "town":
            found = join_names([name or one for one, name in zip(ids, names, strict=True)], self.whose)
        else:
            found, self.notices = join_units(Names(ids, names, towns), self.whose, self.table.place)
        self.targets = dict(zip(rows, found, strict=True))

    def aside(self, k: int, value: str, reason: Problem) -> SetAside:
        """Return the entry of a row that is not used."""
        return SetAside(self.spec.path, self.table.layer, int(self.table.rows[k]), self.label[k], value, reason)

    def cell(self, k: int, asset: str, text: str, column: str) -> Cell:
        """Return one value of a row."""
        year = str(self.spec.year or "") or self.own_year(k) or ""
        row, layer = int(self.table.rows[k]), self.table.layer
        target = self.targets[k].id
        return Cell(self.spec.of, target, asset, text, year, column, self.spec.path, layer, row, self.label[k])

    def own_year(self, k: int) -> str | None:
        """Return the year a row names, an empty text where it names none, None where it is no year."""
        text = self.year[k]
        parts = _YEAR.fullmatch(pick.fold(text))
        return parts[1] if parts else None if text else ""

    def usable(self, rows: Sequence[int]) -> tuple[list[int], list[SetAside]]:
        """Part the rows into those whose facility or unit and year are known, and the others with their reason."""
        self._join(rows)
        used, left = [], []
        for k in rows:
            if (reason := self.targets[k].reason) is not None:
                left.append(self.aside(k, self.label[k], reason))
            elif self.own_year(k) is None:
                left.append(self.aside(k, self.year[k], problem("assets.reason.year")))
            else:
                used.append(k)
        return used, left

    def wide(self, rows: Sequence[int], columns: Mapping[str, int]) -> list[Cell]:
        """Return the values of rows that have a column for each asset."""
        names = self.table.columns
        texts = {asset: self.table.texts(position) for asset, position in columns.items()}
        return [self.cell(k, asset, str(texts[asset][k]), names[columns[asset]]) for asset in columns for k in rows]

    def long(
        self, rows: Sequence[int], columns: Mapping[str, int], known: Iterable[str]
    ) -> tuple[list[Cell], list[SetAside]]:
        """Return the values of rows that hold one value each, and the rows whose word is no asset."""
        words, values = self.table.texts(columns["asset"]), self.table.texts(columns["value"])
        standards = set(known)
        cells, left = [], []
        for k in rows:
            word = str(words[k])
            code = asset_code(word) or (word if word in standards else None)
            if code is None:
                near = nearest(word, [*assets(), *(term.zh for term in assets().values()), *sorted(standards)])
                left.append(self.aside(k, word, problem("assets.reason.word", nearest=near)))
            else:
                cells.append(self.cell(k, code, str(values[k]), self.table.columns[columns["value"]]))
        return cells, left


def _no_number(cell: Cell, reading: Reading) -> SetAside:
    reason = reading.reason or problem("assets.reason.number", column=cell.column)
    return SetAside(cell.source, cell.layer, cell.row, cell.label, cell.text, reason, cell.column)


def _numbers(
    cells: Sequence[Cell], problems: list[Problem]
) -> tuple[list[tuple[Any, ...]], list[SetAside], list[Problem]]:
    """Return the rows of the table, the cells that are no number, and a notice of those that had a unit.

    Negative ones are added to the problems.
    """
    rows, left = [], []
    converted: dict[tuple[str, str], list[tuple[Cell, float]]] = {}
    negative: dict[tuple[str, str], list[str]] = {}
    for cell in cells:
        if not cell.text:
            continue
        reading = _reading(cell)
        number = reading.number
        if number is not None and reading.changed:
            converted.setdefault((_place(cell), cell.column), []).append((cell, number))
        if number is None:
            left.append(_no_number(cell, reading))
        elif number < 0:
            negative.setdefault((_place(cell), cell.column), []).append(f"{cell.row} ({cell.text})")
        else:
            place_of = (cell.of, cell.target_id, cell.asset)
            # minus zero is zero
            rows.append((*place_of, abs(number), cell.year, cell.source, cell.row, cell.layer))
    problems += [
        problem("assets.negative", file=place, column=column, count=len(found), rows=some(found))
        for (place, column), found in negative.items()
    ]
    return rows, left, [_converted(*where, found) for where, found in converted.items()]


def _place(cell: Cell) -> str:
    return f"{cell.source} [{cell.layer}]" if cell.layer else cell.source


def _reading(cell: Cell) -> Reading:
    """Return the value of a cell, or why it has none."""
    if is_attribute(cell.asset):
        return Reading(asset_value(cell.asset, cell.text), reason=problem("assets.reason.value", column=cell.column))
    term = assets().get(cell.asset)
    reading = read_cell(cell.text, "" if term is None else term.unit or "")
    if reading.reason is None:
        return reading
    return replace(reading, reason=problem("numbers.in_column", column=cell.column, reason=reading.reason))


def _converted(place: str, column: str, found: Sequence[tuple[Cell, float]]) -> Problem:
    cell, number = found[0]
    example = {"row": cell.row, "value": cell.text, "number": f"{number:.10g}"}
    return problem("numbers.converted", file=place, column=column, count=len(found), **example)


def _twice(frame: pd.DataFrame) -> list[Problem]:
    """Return a problem for each value that is given more than once."""
    again = frame[frame.duplicated(["of", "target_id", "asset", "year"], keep=False)]
    found = []
    for (of, target, asset, year), group in again.groupby(["of", "target_id", "asset", "year"]):
        places = some(f"{row.source} {row.row} ({row.value:g})" for row in group.itertuples(index=False))
        keys = {"of": problem(f"assets.of.{of}"), "id": target or "-", "asset": asset, "year": year or "-"}
        found.append(problem("assets.twice", places=places, **keys))
    more = len(found) - NAMED_ROWS
    return [*found[:NAMED_ROWS], problem("assets.more_twice", count=more)] if more > 0 else found


def _totals(frame: pd.DataFrame, counts: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return total and number of holders with and without a value for each asset and year; attributes have no total."""
    return [
        {
            "of": of,
            "asset": asset,
            "year": year,
            "total": math.fsum(group["value"]),
            "with_value": len(group),
            "without_value": counts[str(of)] - len(group),
        }
        for (of, asset, year), group in frame.groupby(["of", "asset", "year"])
        if not is_attribute(str(asset))
    ]


def _total_notice(total: Mapping[str, Any]) -> Problem:
    asset = str(total["asset"])
    term = assets().get(asset)
    values = {
        "asset": asset if term is None else term.title,
        "unit": "" if term is None or not term.unit else problem(f"assets.unit.{term.unit}"),
        "year": problem("assets.in_year", year=total["year"]) if total["year"] else "",
        "total": f"{total['total']:,.10g}",
    }
    if total["of"] == "area":
        return problem("assets.total_area", **values)
    of = problem(f"assets.of.{total['of']}")
    return problem("assets.total", of=of, count=total["with_value"], without=total["without_value"], **values)
