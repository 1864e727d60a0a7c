"""Facility files into one checked table: types, owners and places, duplicates found, nothing lost."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.geo.outline import is_area, is_line
from servicecircle.inputs import assets
from servicecircle.inputs import columns as pick
from servicecircle.inputs.cells import Cell
from servicecircle.inputs.corrections import NO_CORRECTIONS, Corrections
from servicecircle.inputs.gates import read_gates
from servicecircle.inputs.merging import SAME_PLACE, UNKNOWN, duplicate_rows, merged_rows
from servicecircle.inputs.places import Box, locate_shapes, place_problems
from servicecircle.inputs.problems import collect, nearest, some
from servicecircle.inputs.rows import RowCount, account
from servicecircle.inputs.setaside import SetAside, first_reasons
from servicecircle.inputs.tables import FACILITIES, Table, check_frame, read_table
from servicecircle.standards.vocabulary import category_codes, facility_types, ownership_code, type_by_name, type_code

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Mapping, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from servicecircle.study import FacilityFile, Study


@dataclass(frozen=True)
class FacilityReading:
    """What the facility files hold.

    Attributes
    ----------
    frame : DataFrame
        One row per facility, sorted by id (columns: ``FACILITIES`` of :mod:`servicecircle.inputs.tables`). The place of
        an area or a line is a point inside it: its label on the map, which decides the unit it lies in; nobody travels
        to it.
    set_aside : tuple of SetAside
        Rows not used: not placed, outside the study area, duplicates, gates of no area.
    notices : tuple of Problem
        What the reader should know: coordinate systems assumed, words not known, rows a condition leaves out.
    shapes : dict of shapely geometries
        Areas, lines and sets of points by facility id, EPSG:4326, valid; a facility that is one point has none.
    gates : dict of float64 array (gates, 2)
        Longitude and latitude of the gates of each area whose file comes with a gate file, by facility id; an area
        none of those gates belongs to has an empty array.
    assets : tuple of Cell
        What the files say the facilities have (beds, staff ...), not yet read as numbers.
    problems : tuple of Problem
        What refuses the files though their other rows could be read; only :func:`survey_facilities` returns any.
    layers : dict of str
        Layer or sheet of each facility's row by facility id; empty where its file has none.
    rows : tuple of RowCount
        What became of the rows: of each facility file in the order of the study, then of the gate files.
    entry : dict of str to int
        Which of the study's facility files each facility comes from, by its id.
    """

    frame: pd.DataFrame
    set_aside: tuple[SetAside, ...]
    notices: tuple[Problem, ...]
    shapes: Mapping[str, shapely.Geometry] = field(default_factory=dict)
    gates: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    assets: tuple[Cell, ...] = ()
    problems: tuple[Problem, ...] = ()
    layers: Mapping[str, str] = field(default_factory=dict)
    rows: tuple[RowCount, ...] = ()
    entry: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _File:
    """What one file gave: its facilities, and for the account of its rows the table and those not asked for."""

    reading: FacilityReading
    table: Table
    not_asked: int


@dataclass(frozen=True)
class _Rows:
    """Attributes of the rows of one file that a condition leaves in, before they are placed."""

    table: Table
    id: NDArray[np.object_]
    name: NDArray[np.object_]
    type_text: NDArray[np.object_]
    type: NDArray[np.object_]
    ownership: NDArray[np.object_]
    set_aside: tuple[SetAside, ...]
    notices: tuple[Problem, ...]
    not_asked: int

    @property
    def labels(self) -> list[str]:
        return [str(one or other) for one, other in zip(self.id, self.name, strict=True)]


def read_facilities(
    study: Study, *, box: Box | None = None, corrections: Corrections = NO_CORRECTIONS
) -> FacilityReading:
    """Read all facility files of a study, as :func:`survey_facilities` does, and refuse what it finds wrong.

    Raises
    ------
    StudyError
        Every problem of every file.
    """
    reading = survey_facilities(study, box=box, corrections=corrections)
    if reading.problems:
        raise StudyError(reading.problems)
    return reading


def survey_facilities(
    study: Study, *, box: Box | None = None, corrections: Corrections = NO_CORRECTIONS
) -> FacilityReading:
    """Read what can be read of all facility files of a study.

    Parameters
    ----------
    study : Study
    box : tuple of float or None
        West, south, east, north of the people's extent plus margin, WGS 84 degrees. Rows outside are set
        aside, rows that would lie inside with longitude and latitude exchanged are refused. A row on the
        edge is inside.
    corrections : Corrections

    Returns
    -------
    FacilityReading

    Its ``problems`` are those of every file: missing files, sheets and columns, contradictory coordinate systems,
    swapped coordinates, unknown words in ``types``, one id with two contents.

    Raises
    ------
    StudyError
        Nothing could be read at all; every problem of every file.
    """
    problems: list[Problem] = []
    set_aside: list[SetAside] = []
    notices: list[Problem] = []
    files: list[_File] = []
    gates: list[tuple[str, NDArray[np.float64]]] = []
    cells: list[Cell] = []
    gate_rows: list[RowCount] = []
    for spec in study.facilities:
        shapes: Mapping[str, shapely.Geometry] = {}
        with collect(problems):
            one = _read_file(spec, study.locate(spec.path), box, corrections)
            shapes = one.reading.shapes
            files.append(one)
            set_aside += one.reading.set_aside
            notices += one.reading.notices
            cells += one.reading.assets
            problems += one.reading.problems
        if spec.gates is not None:
            with collect(problems):
                path = study.locate(spec.gates.path)
                of_areas = read_gates(spec.gates, path, shapes, box, corrections=corrections)
                gates += of_areas.gates.items()
                set_aside += of_areas.set_aside
                notices += of_areas.notices
                gate_rows.append(of_areas.rows)
    filled = [file.reading.frame.assign(entry=k) for k, file in enumerate(files) if len(file.reading.frame)]
    if not filled:
        raise StudyError(problems or _none(study, files))
    merged = merged_rows(pd.concat(filled, ignore_index=True))
    problems += merged.problems
    rows, same = merged.rows, merged.same
    duplicates = duplicate_rows(merged.again, same)
    counts = _counts(files, rows, merged.again, duplicates)
    frame = rows[list(FACILITIES)]
    check_frame(frame, FACILITIES)
    # a duplicate's gates are those of the facility it is
    owned: dict[str, NDArray[np.float64]] = {}
    for code, places in gates:
        code = same.get(code, code)  # noqa: PLW2901 - the same facility under the id that stays
        owned[code] = np.concatenate((owned.get(code, np.zeros((0, 2))), places))
    moved, lost = assets.moved(cells, same), (*set_aside, *duplicates)
    layers = dict(zip(rows["id"], rows["layer"], strict=True))
    entry = {str(code): int(k) for code, k in zip(rows["id"], rows["entry"], strict=True)}
    return FacilityReading(
        frame,
        lost,
        tuple(notices),
        _shapes_of(rows),
        owned,
        moved,
        tuple(problems),
        layers,
        (*counts, *gate_rows),
        entry,
    )


def _none(study: Study, files: Sequence[_File]) -> Problem:
    """Return the problem of files without one usable row: how many there were, and why none counts."""
    left = [one for file in files for one in file.reading.set_aside]
    counts = {
        "rows": sum(len(file.table.cells) for file in files),
        "not_asked": sum(file.not_asked for file in files),
        "set_aside": len(left),
    }
    why = problem("facilities.none_reasons", reasons=first_reasons(left)) if left else ""
    names = ", ".join(spec.path for spec in study.facilities)
    return problem("facilities.none", files=names, reasons=why, **counts)


def _counts(
    files: Sequence[_File], rows: pd.DataFrame, again: pd.DataFrame, duplicates: Sequence[SetAside]
) -> list[RowCount]:
    """Return what became of the rows of each file; a duplicate is set aside in the file it stands in."""
    counts = []
    entries = again["entry"].tolist()
    for k, file in enumerate(files):
        mine = [one for one, entry in zip(duplicates, entries, strict=True) if entry == k]
        left = (*file.reading.set_aside, *mine)
        counts.append(account(file.table, rows["row"][rows["entry"] == k], left, file.not_asked))
    return counts


def _shapes_of(rows: pd.DataFrame) -> dict[str, shapely.Geometry]:
    return {str(code): shape for code, shape in zip(rows["id"], rows["shape"], strict=True) if shape is not None}


def _read_file(spec: FacilityFile, path: Path, box: Box | None, corrections: Corrections) -> _File:
    """Read one file; its frame has the columns ``layer``, ``shape`` and ``shape_text`` more."""
    problems: list[Problem] = []
    words: dict[str, str] = {}
    with collect(problems):
        words = _words(spec)
    table = corrections.apply(read_table(path, spec.layer, file=spec.path))
    own: dict[str, int] = {}
    with collect(problems):
        own = assets.own_columns(table, spec.columns)
    rows = None
    with collect(problems):
        rows = _rows(spec, table, words)
    if problems or rows is None:
        raise StudyError(problems)
    shapes, places = locate_shapes(rows.table, spec, rows.labels, columns=(spec.columns.lon, spec.columns.lat), box=box)
    kept = places.kept
    frame = pd.DataFrame(
        {
            "id": rows.id[kept],
            "name": rows.name[kept],
            "type": rows.type[kept],
            "type_text": rows.type_text[kept],
            "ownership": rows.ownership[kept],
            "lon": places.lon[kept],
            "lat": places.lat[kept],
            "source": np.full(int(kept.sum()), spec.path, dtype=object),
            "row": rows.table.rows[kept],
            "layer": np.full(int(kept.sum()), table.layer, dtype=object),
            "shape": pd.Series(shapes[kept], dtype=object),
            "shape_text": [_shape_text(shape) for shape in shapes[kept]],
        }
    )
    frame["id"] = [
        f"{path.stem}:{own or _hash(row)}" for own, row in zip(frame["id"], frame.to_dict("records"), strict=True)
    ]
    drawn = _shapes_of(frame)
    notices = (*places.notices, *rows.notices, *_shape_notices(table, drawn.values()))
    used = replace(rows.table, cells=rows.table.cells[kept])
    of_facilities = assets.own_cells(used, own, list(frame["id"]))
    left = (*rows.set_aside, *places.set_aside)
    reading = FacilityReading(frame, left, notices, drawn, assets=of_facilities, problems=places.problems)
    return _File(reading, table, rows.not_asked)


def _shape_notices(table: Table, shapes: Collection[shapely.Geometry]) -> list[Problem]:
    areas, lines = sum(map(is_area, shapes)), sum(map(is_line, shapes))
    return [problem("doors.read", file=table.place, areas=areas, lines=lines)] if areas or lines else []


def _shape_text(shape: shapely.Geometry | None) -> str:
    """Return the vertices of a shape to a centimetre as text; empty for a point."""
    if shape is None:
        return ""
    return str(shapely.to_wkt(shape, rounding_precision=SAME_PLACE))


def _hash(row: Mapping[Hashable, Any]) -> str:
    """Return 12 hexadecimal digits of type, name and place: the same whatever the row order."""
    kind = row["type_text"] if row["type"] == UNKNOWN else row["type"]
    text = f"{kind}\n{row['name']}\n{row['lon']:.{SAME_PLACE}f}\n{row['lat']:.{SAME_PLACE}f}"
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _words(spec: FacilityFile) -> dict[str, str]:
    """Return the file's own words for types as ``{word: code}``; the constant type stands under the empty word."""
    problems = []
    if spec.type is not None and spec.types:
        problems.append(problem("facilities.type_and_types", file=spec.path))
    given = {**spec.types, **({} if spec.type is None else {"": spec.type})}
    codes = {word: type_code(meant) for word, meant in given.items()}
    for word, meant in given.items():
        if codes[word] is None:
            near = nearest(meant, [spelling for code, term in facility_types().items() for spelling in (code, term.zh)])
            problems.append(problem("facilities.unknown_type", file=spec.path, word=meant, nearest=near))
    if problems:
        raise StudyError(problems)
    return {word: code for word, code in codes.items() if code is not None}


def _rows(spec: FacilityFile, table: Table, words: Mapping[str, str]) -> _Rows:
    """Take id, name, type and owner of the rows that satisfy the study's conditions."""
    problems: list[Problem] = []
    given = spec.columns
    found: dict[str, int | None] = {}
    texts = np.full(len(table.cells), "", dtype=object)
    choice = pick.Choice(np.ones(len(table.cells), dtype=bool), {})
    for role in ("id", "name", "ownership"):
        with collect(problems):
            found[role] = pick.find(table, role, getattr(given, role))
    with collect(problems):
        texts = _type_texts(spec, table)
    with collect(problems):
        choice = pick.choose(table, spec.where)
    if problems:
        problems += place_problems(table, spec, (given.lon, given.lat))
        raise StudyError(problems)
    cells = {role: _cells(table, position)[choice.chosen] for role, position in found.items()}
    texts = texts[choice.chosen]
    by_word, type_notices = _types(texts, words, table)
    codes, name_notices = _by_names(by_word, texts, cells["name"], words, table)
    owners, owner_notices = _owners(cells["ownership"], table)
    notices = [*_where_notices(spec, table, choice), *type_notices, *name_notices, *owner_notices]
    reason = problem("inputs.reason.condition")
    left = [
        SetAside(spec.path, table.layer, int(table.rows[k]), _label(table, found, k), value, reason)
        for k, value in choice.unjudged.items()
    ]
    chosen = Table(
        table.file,
        table.layer,
        table.cells[choice.chosen],
        None if table.geometry is None else table.geometry[choice.chosen],
        table.crs,
        table.notices,
    )
    out = _not_asked(table, choice)
    return _Rows(chosen, cells["id"], cells["name"], texts, codes, owners, tuple(left), tuple(notices), out)


def _cells(table: Table, position: int | None) -> NDArray[np.object_]:
    return np.full(len(table.cells), "", dtype=object) if position is None else table.texts(position)


def _label(table: Table, found: Mapping[str, int | None], row: int) -> str:
    return str(_cells(table, found["id"])[row] or _cells(table, found["name"])[row])


def _type_texts(spec: FacilityFile, table: Table) -> NDArray[np.object_]:
    """Return the word for the type of every row, as the study or the file gives it."""
    if spec.type is not None:
        return np.full(len(table.cells), spec.type, dtype=object)
    position = pick.find(table, "type", spec.columns.type)
    osm = pick.osm_types(table)
    if spec.columns.type is None and position is not None and osm:
        columns = ", ".join(table.columns[k] for k in (position, *osm))
        meaning = problem("inputs.meaning.type")
        raise StudyError(problem("inputs.two_columns", file=table.place, meaning=meaning, columns=columns))
    if position is not None:
        return table.texts(position)
    if osm:
        return pick.first_filled(table, osm)
    return table.texts(pick.need(table, "type", None))


def _types(
    texts: NDArray[np.object_], words: Mapping[str, str], table: Table
) -> tuple[NDArray[np.object_], list[Problem]]:
    """Return the code of every word, ``unknown`` where the vocabulary has none, and what to tell about it."""
    counts = Counter(str(text) for text in texts)
    codes = {}
    several = {}
    for text in counts:
        known = words.get("") or words.get(text) or type_code(text)
        if known is None and "|" in text:
            # A map service joins the categories of one place with "|", the main one first.
            known = next((code for part in text.split("|") if (code := type_code(part)) is not None), None)
            several[text] = known
        codes[text] = known or UNKNOWN
    notices = []
    joined = sum(counts[text] for text, known in several.items() if known is not None)
    if joined:
        notices.append(problem("facilities.first_category", file=table.place, count=joined))
    lost = {text or "(-)": counts[text] for text, code in codes.items() if code == UNKNOWN}
    if lost:
        shown = some(f"{text} × {count}" for text, count in sorted(lost.items(), key=lambda pair: (-pair[1], pair[0])))
        total = sum(lost.values())
        notices.append(problem("facilities.unknown_words", file=table.place, count=total, words=shown, kinds=len(lost)))
    unused = [word for word in words if word and word not in counts]
    if unused:
        notices.append(problem("facilities.unused_words", file=table.place, words=some(unused)))
    return np.array([codes[str(text)] for text in texts], dtype=object), notices


def _by_names(
    codes: NDArray[np.object_],
    texts: NDArray[np.object_],
    names: NDArray[np.object_],
    words: Mapping[str, str],
    table: Table,
) -> tuple[NDArray[np.object_], list[Problem]]:
    """Let names say more than the categories of a map service; a word the study explains means what it says."""
    refined = codes.copy()
    for row, (text, name) in enumerate(zip(texts, names, strict=True)):
        if name and "" not in words and text not in words:
            refined[row] = type_by_name(str(name), category_codes(str(text))) or codes[row]
    changed = refined[refined != codes]
    if not len(changed):
        return refined, []
    counts = sorted(Counter(map(str, changed)).items(), key=lambda pair: (-pair[1], pair[0]))
    shown = some(f"{facility_types()[code].zh} × {count}" for code, count in counts)
    return refined, [problem("facilities.by_name", file=table.place, count=len(changed), types=shown)]


def _owners(texts: NDArray[np.object_], table: Table) -> tuple[NDArray[np.object_], list[Problem]]:
    codes = [ownership_code(str(text)) or "" for text in texts]
    lost = Counter(str(text) for text, code in zip(texts, codes, strict=True) if text and not code)
    notices = []
    if lost:
        shown = some(f"{text} × {count}" for text, count in sorted(lost.items()))
        notices.append(problem("facilities.unknown_owners", file=table.place, count=lost.total(), words=shown))
    return np.array(codes, dtype=object), notices


def _not_asked(table: Table, choice: pick.Choice) -> int:
    return len(table.cells) - int(choice.chosen.sum()) - len(choice.unjudged)


def _where_notices(spec: FacilityFile, table: Table, choice: pick.Choice) -> list[Problem]:
    out = _not_asked(table, choice)
    if not spec.where:
        return []
    condition = ", ".join(f"{column} {rule}" for column, rule in spec.where.items())
    total = len(table.cells)
    return [problem("facilities.where", file=table.place, condition=condition, count=out, total=total)]
